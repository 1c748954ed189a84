/* Tables that sort by any column. Figures come written; beside each is the number that sorts it. */
"use strict";

(() => {
  const { el } = kdbench;

  /** Numbers, then infinity, then unknown. */
  const rank = (value) => (value === null ? [2, 0] : value === "inf" ? [1, 0] : [0, value]);
  const compared = (one, other) => one[0] - other[0] || one[1] - other[1];

  /** Lines in the order of a column. Unknown is last in both directions; lines that are equal keep their order. */
  const sorted = (lines, column, downward) => {
    const sign = downward ? -1 : 1;
    if (column < 0) return [...lines].sort((a, b) => sign * a.text.localeCompare(b.text, "en", { numeric: true }));
    const value = (line) => line.figures[column][1];
    return [...lines].sort((a, b) =>
      value(a) === null || value(b) === null
        ? compared(rank(value(a)), rank(value(b)))
        : sign * compared(rank(value(a)), rank(value(b))),
    );
  };

  /**
   * A table. columns: {title, explanation, kind}; lines: {id, text, name (nodes), figures: [[text, number]]}.
   * pinned: a line that stays on top; sorts: whether lines may be moved. Gives {node, show(line => whether it is shown)}.
   */
  kdbench.table = ({ label, head, columns, lines, pinned = null, legend = true, sorts = true }) => {
    let by = null;
    let downward = false;
    const heads = [];
    const body = el("tbody");

    const drawn = (line) =>
      el(
        "tr",
        { "data-row": line.id, class: line === pinned ? "pinned" : null },
        el("th", { scope: "row" }, line.name),
        line.figures.map(([text], column) => el("td", { class: columns[column].kind }, text)),
      );
    const rows = new Map(lines.map((line) => [line, drawn(line)]));
    const pinnedRow = pinned && drawn(pinned);

    const draw = () => {
      const order = by === null ? lines : sorted(lines, by, downward);
      body.replaceChildren(...(pinnedRow ? [pinnedRow] : []), ...order.map((line) => rows.get(line)));
      if (!sorts) return;
      heads.forEach((cell, number) =>
        cell.setAttribute("aria-sort", by !== number - 1 ? "none" : downward ? "descending" : "ascending"),
      );
    };

    /** Upward, downward, then as the board has it. */
    const turn = (column) => {
      if (by !== column) [by, downward] = [column, false];
      else if (!downward) downward = true;
      else by = null;
      draw();
    };

    [{ title: head, kind: "text", explanation: "" }, ...columns].forEach((column, number) =>
      heads.push(
        el(
          "th",
          { scope: "col", class: column.kind },
          sorts
            ? el("button", { type: "button", title: column.explanation || null, on: { click: () => turn(number - 1) } }, column.title)
            : column.title,
        ),
      ),
    );
    draw();
    const explained = columns.filter((column) => column.explanation);
    return {
      node: el(
        "div",
        { class: "table" },
        el(
          "div",
          { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
          el("table", {}, el("caption", {}, label), el("thead", {}, el("tr", {}, heads)), body),
        ),
        legend && explained.length
          ? el(
              "details",
              { class: "legend" },
              el("summary", {}, "What the columns mean"),
              kdbench.terms(explained.map(({ title, explanation }) => [title, explanation])),
            )
          : null,
      ),
      show: (shown) => lines.forEach((line) => (rows.get(line).hidden = !shown(line))),
    };
  };
})();

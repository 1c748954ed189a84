/* Tables that sort by any column. Figures come written; beside each is the number that sorts it. */
"use strict";

(() => {
  const { el } = kdbench;

  /** Numbers, then infinity, then unknown. */
  const rank = (value) => (value === null ? [2, 0] : value === "inf" ? [1, 0] : [0, value]);
  const compared = (one, other) => one[0] - other[0] || one[1] - other[1];

  /** Lines in the order of a column. Unknown is last in both directions; lines that are equal keep their order. */
  const sorted = (lines, column, downward, words) => {
    const sign = downward ? -1 : 1;
    const text = (line) => (column < 0 ? line.text : line.figures[column][0]);
    if (words) {
      return [...lines].sort(
        (a, b) => !text(a) - !text(b) || sign * text(a).localeCompare(text(b), "en", { numeric: true }),
      );
    }
    const value = (line) => line.figures[column][1];
    return [...lines].sort((a, b) =>
      value(a) === null || value(b) === null
        ? compared(rank(value(a)), rank(value(b)))
        : sign * compared(rank(value(a)), rank(value(b))),
    );
  };

  /**
   * A table. columns: {title, meaning, kind}; lines: {id, text, name (nodes), figures: [[text, number, strong]]}.
   * pinned: lines that stay on top; sorts: whether lines may be moved; notes: texts below.
   * Gives {node, show(line => whether it is shown)}.
   */
  kdbench.table = ({ label, head, columns, lines, pinned = [], notes = [], legend = true, sorts = true }) => {
    let by = null;
    let downward = false;
    const heads = [];
    const body = el("tbody");

    const drawn = (line) =>
      el(
        "tr",
        { class: pinned.includes(line) ? "pinned" : null },
        el("th", { scope: "row" }, el("div", { class: "label" }, line.name)),
        line.figures.map(([text, , strong], column) =>
          el("td", { class: columns[column].kind }, strong ? el("strong", {}, text) : text),
        ),
      );
    const rows = new Map(lines.map((line) => [line, drawn(line)]));
    const top = pinned.map(drawn);

    const draw = () => {
      const words = by !== null && (by < 0 || columns[by].kind === "text");
      const order = by === null ? lines : sorted(lines, by, downward, words);
      body.replaceChildren(...top, ...order.map((line) => rows.get(line)));
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

    [{ title: head, kind: "text", meaning: "" }, ...columns].forEach((column, number) =>
      heads.push(
        el(
          "th",
          { scope: "col", class: column.kind },
          sorts
            ? el("button", { type: "button", title: column.meaning || null, on: { click: () => turn(number - 1) } }, column.title)
            : column.title,
        ),
      ),
    );
    draw();
    const explained = columns.filter((column) => column.meaning);
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
              kdbench.terms(explained.map(({ title, meaning }) => [title, meaning])),
            )
          : null,
        notes.map((note) => el("p", { class: "soft" }, note)),
      ),
      show: (shown) => lines.forEach((line) => (rows.get(line).hidden = !shown(line))),
    };
  };

  /** A table of the board for a group: its rows lead to their pages, other lines stay on top. */
  kdbench.boardTable = (group, data, label) => {
    const line = ({ row, label, provisional, figures }) => ({
      id: row,
      text: label,
      name: row ? kdbench.link(kdbench.address.row(group, group.row(row)), kdbench.marked(group.row(row), provisional)) : label,
      figures,
    });
    const ofRows = data.lines.some(({ row }) => row);
    const pinned = ofRows ? data.lines.filter(({ row }) => !row).map(line) : [];
    const lines = data.lines.filter(({ row }) => row || !ofRows).map(line);
    return kdbench.table({ label, head: data.head, columns: data.columns, lines, pinned, notes: data.notes });
  };
})();

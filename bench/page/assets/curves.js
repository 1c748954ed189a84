/* Learning curves: m, the smoothed metric on select, against the training clock, steps or FLOPs, with the target. */
"use strict";

(() => {
  const { el } = kdbench;
  const AXES = { train_seconds: "seconds on the training clock", steps: "training steps", flops: "training FLOPs" };

  const trace = (row, run, cell, x) => {
    const curve = cell.record.curve;
    const look = kdbench.look(row.number);
    const name = kdbench.plain(`${row.label}, seed ${run.seed}`);
    return {
      type: "scatter",
      mode: "lines",
      name,
      x: curve[x],
      y: cell.smooth,
      line: { color: look.color, dash: look.dash, width: 1.6 },
      opacity: 0.8,
      text: curve.epoch.map((epoch) => `${name}<br>epoch ${epoch.toFixed(2)}`),
      hovertemplate: "%{text}<br>%{x:,.5~g}: %{y:.2f}<extra></extra>",
    };
  };

  /** The single evaluations of a run, whose means are its curve. */
  const singles = (cell, x) => ({
    type: "scatter",
    mode: "markers",
    x: cell.record.curve[x],
    y: cell.record.curve.select,
    marker: { color: "gray", size: 5, opacity: 0.6 },
    hovertemplate: "one evaluation<br>%{x:,.5~g}: %{y:.2f}<extra></extra>",
  });

  /**
   * The curves of rows on one machine at a time: times of different hardware never stand together.
   * shown: the ids of the rows that are drawn at first; the others are a click away.
   */
  kdbench.curves = (group, rows, shown) => {
    const drawable = (row) => row.runs.filter((run) => run.status === "ok" && run.budget === group.budget);
    const machines = group.machines
      .map((machine) => machine.name)
      .filter((name) => rows.some((row) => drawable(row).some((run) => run.machine === name)));
    if (!machines.length) return el("p", { class: "empty" }, "No run has a curve.");
    let machine = machines[0];
    let x = "train_seconds";
    const chosen = new Set(shown);

    const content = async () => {
      const wanted = rows
        .filter((row) => chosen.has(row.id))
        .flatMap((row) => drawable(row).filter((run) => run.machine === machine).map((run) => [row, run]));
      const cells = await Promise.all(wanted.map(([, run]) => kdbench.cell(run.machine, run.key)));
      const lines = wanted.map(([row, run], number) => trace(row, run, cells[number], x));
      return {
        traces: lines.length === 1 ? [singles(cells[0], x), ...lines] : lines,
        layout: {
          xaxis: { title: AXES[x], rangemode: "tozero" },
          yaxis: { title: `${group.metric} on select` },
          ...kdbench.targetLine(group.target),
        },
      };
    };
    const figure = kdbench.figure(
      `One line a seed: the mean of the last evaluations of ${group.metric} on select, on ${machines.length > 1 ? "one machine" : machine}.`,
      content,
    );

    const chip = (row) => {
      const button = el(
        "button",
        { type: "button", class: "chip", "aria-pressed": String(chosen.has(row.id)), on: { click: toggled } },
        el("i", { class: "dot", style: `--colour: ${kdbench.look(row.number).color}` }),
        kdbench.marked(row),
      );
      function toggled() {
        if (!chosen.delete(row.id)) chosen.add(row.id);
        button.setAttribute("aria-pressed", String(chosen.has(row.id)));
        figure.draw();
      }
      return button;
    };

    return el(
      "div",
      { class: "curves" },
      el(
        "div",
        { class: "tools" },
        kdbench.choice("against", Object.entries(AXES), x, (value) => ((x = value), figure.draw())),
        machines.length > 1
          ? kdbench.choice("on", machines.map((name) => [name, name]), machine, (value) => ((machine = value), figure.draw()))
          : null,
      ),
      rows.length > 1 ? el("div", { class: "chips", role: "group", "aria-label": "Methods drawn" }, rows.map(chip)) : null,
      figure.node,
    );
  };
})();

/* A group: its facts, accuracy, what every method cost on each machine, learning curves, failures. */
"use strict";

(() => {
  const { el } = kdbench;
  const DRAWN = 6;
  const LABELLED = 16;
  const SIDES = ["top right", "bottom left", "bottom right", "top left"];

  const lines = (group, table) =>
    table.rows.map(({ name, figures }) => {
      const row = group.row(name);
      return { id: row.id, text: row.label, name: kdbench.link(kdbench.address.row(group, row), kdbench.marked(row)), figures };
    });

  const accuracy = (group) => {
    const { columns, teacher } = group.accuracy;
    const pinned = teacher && {
      id: "teacher",
      text: teacher.name,
      name: [el("span", { class: "soft" }, "teacher: "), teacher.name],
      figures: columns.map(({ id }) => (Object.hasOwn(teacher.figures, id) ? teacher.figures[id] : teacher.unknown)),
    };
    return kdbench.table({ label: "Accuracy", head: "Method", columns, lines: lines(group, group.accuracy), pinned });
  };

  /** The metric against training time, with both intervals. */
  const tradeOff = (group, machine, shown) => {
    const traces = () => {
      const points = machine.points.filter((point) => shown(point.row));
      return points.map((point) => {
        const row = group.row(point.row);
        const look = kdbench.look(row.number);
        const interval = ([, half]) => ({ type: "data", array: [half ?? 0], visible: half !== null, thickness: 1, width: 3, color: look.color });
        return {
          type: "scatter",
          mode: points.length <= LABELLED ? "markers+text" : "markers",
          x: [point.seconds[0]],
          y: [point.test[0]],
          error_x: interval(point.seconds),
          error_y: interval(point.test),
          marker: { color: look.color, symbol: look.symbol, size: 10 },
          text: [kdbench.plain(row.label)],
          textposition: SIDES[row.number % SIDES.length],
          customdata: [row.id],
          hovertemplate: "%{text}<br>%{x:,.4~g} s<br>%{y:.2f}<extra></extra>",
        };
      });
    };
    return kdbench.figure(
      `Test ${group.metric} against training time on ${machine.name}: means over seeds, bars are 95% intervals.`,
      () => ({
        traces: traces(),
        layout: { xaxis: { title: "training time (s)", rangemode: "tozero" }, yaxis: { title: `test ${group.metric}` } },
      }),
      (point) => (location.hash = kdbench.address.row(group, group.row(point.customdata))),
    );
  };

  /** The figures of one machine. Times and memory of two machines never stand in one table. */
  const machineSection = (group, machine, shown) => {
    const costs = kdbench.table({
      label: `Costs on ${machine.name}`,
      head: "Method",
      columns: machine.costs.columns,
      lines: lines(group, machine.costs),
    });
    const networks = kdbench.table({
      label: `Networks at inference on ${machine.name}`,
      head: "Network",
      columns: machine.networks.columns,
      lines: machine.networks.rows.map(({ name, figures }) => ({ id: name, text: name, name, figures })),
    });
    const plot = tradeOff(group, machine, shown);
    return {
      node: kdbench.section(
        `On ${machine.name}`,
        el("p", { class: "soft" }, machine.facts.join(" · ")),
        machine.warning ? el("p", { class: "warning" }, machine.warning) : null,
        plot.node,
        costs.node,
        networks.node,
      ),
      show: () => {
        costs.show((line) => shown(line.id));
        plot.draw();
      },
    };
  };

  /** The target's row, the controls and the first rows of the board. */
  const first = (group) =>
    new Set([group.targetRow, ...group.controls, ...group.rows.map((row) => row.id)].filter(Boolean).slice(0, DRAWN));

  const failures = (group) => {
    const failed = group.rows.flatMap((row) => row.runs.filter((run) => run.status !== "ok").map((run) => [row, run]));
    if (!failed.length) return null;
    return kdbench.section(
      "Failed",
      el(
        "ul",
        { class: "plain" },
        failed.map(([row, run]) =>
          el(
            "li",
            {},
            kdbench.link(kdbench.address.cell(run), `${row.label}, seed ${run.seed}`),
            ` on ${run.machine}: ${run.status}: ${run.reason}`,
          ),
        ),
      ),
    );
  };

  kdbench.facts = (group) => kdbench.terms(group.facts);

  kdbench.trail = (group) => [[kdbench.address.group(group), [group.task, group.pair, group.protocol, group.marks].filter(Boolean).join(" · ")]];

  kdbench.views.group = async (id) => {
    const group = await kdbench.group(id);
    let found = new Set(group.rows.map((row) => row.id));
    const shown = (row) => found.has(row);
    const table = accuracy(group);
    const machines = group.machines.map((machine) => machineSection(group, machine, shown));
    let searched = "";
    const search = kdbench.filter("Filter by method or parameter", "rows", (words) => {
      const rows = group.rows.filter((row) => {
        const text = `${row.label} ${JSON.stringify(row.parameters)}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      found = new Set(rows.map((row) => row.id));
      table.show((line) => shown(line.id));
      if (words.join(" ") !== searched) machines.forEach((machine) => machine.show());
      searched = words.join(" ");
      return [rows.length, group.rows.length];
    });
    search.search();
    const [one, other] = [group.rows[0], group.rows[1]];
    return {
      title: group.title,
      trail: kdbench.trail(group),
      node: el(
        "div",
        {},
        el("h1", {}, group.task),
        el("p", { class: "lead" }, [group.pair, group.protocol, group.marks].filter(Boolean).join(" · ")),
        kdbench.facts(group),
        group.notes.length ? el("ul", { class: "notes" }, group.notes.map((note) => el("li", {}, note))) : null,
        el(
          "div",
          { class: "tools sticky" },
          search.node,
          other ? kdbench.link(kdbench.address.compare(group, one, other), "Compare two methods →") : null,
        ),
        kdbench.section(
          "Accuracy",
          table.node,
          el("p", { class: "soft" }, "† adapted from another modality. * provisional: too few seeds, no order claimed."),
        ),
        machines.map((machine) => machine.node),
        kdbench.section("Learning curves", kdbench.curves(group, group.rows, first(group))),
        failures(group),
      ),
    };
  };
})();

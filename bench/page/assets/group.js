/* A group: the answer, its tables, what every method cost on each machine, learning curves, failures. */
"use strict";

(() => {
  const { el } = kdbench;
  const DRAWN = 6;
  const LABELLED = 16;
  const SIDES = ["top right", "bottom left", "bottom right", "top left"];

  /** The metric against training time, with both intervals. */
  const tradeOff = (group, machine, shown) => {
    const traces = () => {
      const points = machine.points.filter((point) => shown(point.row));
      return points.map((point) => {
        const row = group.row(point.row);
        const look = kdbench.look(row.number);
        const interval = ([, half]) => ({
          type: "data",
          array: [half ?? 0],
          visible: half !== null,
          thickness: 1,
          width: 3,
          color: look.color,
        });
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

  /** One machine. Times and memory of two machines never stand in one table. */
  const machineSection = (group, machine, shown) => {
    const tables = machine.tables.map((data) => [data, kdbench.boardTable(group, data, `${data.title} on ${machine.name}`)]);
    const plot = tradeOff(group, machine, shown);
    const crossed = machine.crossed.length
      ? el(
          "details",
          { class: "legend" },
          el("summary", {}, "Between which two evaluations each run crossed τ"),
          kdbench.terms(machine.crossed),
        )
      : null;
    return {
      node: kdbench.section(
        `On ${machine.name}`,
        el("p", { class: "soft" }, machine.facts.join(" · ")),
        machine.warnings.map((warning) => el("p", { class: "warning" }, warning)),
        plot.node,
        tables.map(([data, table]) => [table.node, data.name === "match" ? crossed : null]),
      ),
      show: () => {
        for (const [data, table] of tables) if (data.lines.some(({ row }) => row)) table.show((line) => shown(line.id));
        plot.draw();
      },
    };
  };

  /** The target's row, the controls and the first rows of the board. */
  const first = (group) =>
    [...new Set([group.targetRow, ...group.controls, ...group.rows.map((row) => row.id)])].filter(Boolean).slice(0, DRAWN);

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
            `${kdbench.share(run)} on ${run.machine}: ${run.status}: ${run.reason}`,
          ),
        ),
      ),
    );
  };

  /** What a run had of the budget, where that is not all. */
  kdbench.share = (run) => (run.budget === 1 ? "" : ` at ${run.budget} of the budget`);

  /** Where a view of a group stands. */
  kdbench.trail = (group) => [
    [kdbench.address.group(group), [group.task, group.pair, group.protocol, group.marks].filter(Boolean).join(" · ")],
  ];

  kdbench.views.group = async (id) => {
    const group = await kdbench.group(id);
    let found = new Set(group.rows.map((row) => row.id));
    const shown = (row) => found.has(row);
    const table = (name, label) => group[name] && kdbench.boardTable(group, group[name], label);
    const lead = table("lead", "In short");
    const others = {
      "Accuracy in detail": table("accuracy", "Accuracy"),
      "Fidelity, calibration, changed items": table("fidelity", "Fidelity"),
      "Ladder of budgets": table("ladder", "Ladder of budgets"),
    };
    const machines = group.machines.map((machine) => machineSection(group, machine, shown));
    const parts = (names) => names.filter((name) => others[name]).map((name) => kdbench.section(name, others[name].node));
    let searched = "";
    const search = kdbench.filter("Filter by method or parameter", "rows", (words) => {
      const rows = group.rows.filter((row) => {
        const text = `${row.label} ${JSON.stringify(row.parameters)}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      found = new Set(rows.map((row) => row.id));
      if (words.join(" ") !== searched) {
        for (const each of [lead, ...Object.values(others)]) if (each) each.show((line) => shown(line.id));
        machines.forEach((machine) => machine.show());
      }
      searched = words.join(" ");
      return [rows.length, group.rows.length];
    });
    search.search();
    const [one, other] = [group.rows[0], group.rows[1]];
    const sections = el(
      "div",
      {},
      lead
        ? kdbench.section(
            "In short",
            el("p", { class: "verdict" }, group.verdict),
            lead.node,
            el(
              "p",
              { class: "soft" },
              `Times and memory are of ${group.lead.machine}. † adapted from another modality. * provisional: too few seeds, no order claimed.`,
            ),
          )
        : kdbench.section("In short", el("p", { class: "empty" }, "No run has finished.")),
      parts(["Accuracy in detail"]),
      machines.map((machine) => machine.node),
      group.machines.length ? kdbench.section("Learning curves", kdbench.curves(group, group.rows, first(group))) : null,
      parts(["Fidelity, calibration, changed items", "Ladder of budgets"]),
      kdbench.section(
        "About this table",
        kdbench.terms(group.facts),
        group.notes.length ? el("ul", { class: "notes" }, group.notes.map((note) => el("li", {}, note))) : null,
      ),
      failures(group),
    );
    return {
      title: group.title,
      trail: kdbench.trail(group),
      node: el(
        "div",
        {},
        el("h1", {}, group.task),
        el("p", { class: "lead" }, [group.pair, group.protocol, group.marks].filter(Boolean).join(" · ")),
        el(
          "div",
          { class: "tools sticky" },
          search.node,
          other ? kdbench.link(kdbench.address.compare(group, one, other), "Compare two methods →") : null,
          jump(sections),
        ),
        sections,
      ),
    };
  };

  /** A choice that scrolls to a section. */
  const jump = (sections) => {
    const heads = [...sections.querySelectorAll("h2")];
    return kdbench.choice(
      "go to",
      heads.map((head, number) => [String(number), head.textContent]),
      "0",
      (number) => heads[number].scrollIntoView({ behavior: "smooth" }),
    );
  };
})();

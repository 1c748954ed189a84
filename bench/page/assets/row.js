/* A row: one method with its parameters, at a link that stays. */
"use strict";

(() => {
  const { el } = kdbench;

  /** The figures of a row in one table, with what they mean. */
  const figures = (table, row) => {
    const found = table?.lines.find((line) => line.row === row.id);
    if (!found) return null;
    return [
      el("h3", {}, table.title),
      el(
        "dl",
        { class: "figures" },
        table.columns.map((column, number) =>
          found.figures[number][0]
            ? el(
                "div",
                {},
                el("dt", {}, column.title),
                el("dd", {}, el("strong", {}, found.figures[number][0]), el("span", { class: "soft" }, column.meaning)),
              )
            : null,
        ),
      ),
    ];
  };

  const runs = (group, row, machine) => {
    const here = row.runs.filter((run) => run.machine === machine);
    const seconds = (value) => `${value.toLocaleString("en", { maximumSignificantDigits: 3 })} s`;
    return kdbench.table({
      label: `Runs on ${machine}`,
      head: "Seed",
      columns: [
        { title: "status", kind: "text", meaning: "" },
        { title: `test ${group.metric}`, kind: "number", meaning: "" },
        { title: "training time", kind: "number", meaning: "" },
      ],
      legend: false,
      lines: here.map((run) => ({
        id: run.key,
        text: String(run.seed),
        name: kdbench.link(kdbench.address.cell(run), `seed ${run.seed}`, kdbench.share(run)),
        figures: [
          [run.status, null],
          run.status === "ok" ? [run.test.toFixed(2), run.test] : ["–", null],
          run.status === "ok" ? [seconds(run.seconds), run.seconds] : ["–", null],
        ],
      })),
    }).node;
  };

  const parameters = (row) => {
    const pairs = Object.entries(row.parameters).map(([name, value]) => [name, JSON.stringify(value)]);
    return pairs.length ? kdbench.terms(pairs) : el("p", { class: "soft" }, "It has no parameters.");
  };

  kdbench.views.row = async (groupLink, id) => {
    const group = await kdbench.group(groupLink);
    const row = group.row(id);
    const others = group.rows.filter((each) => each !== row);
    const machines = [...new Set(row.runs.map((run) => run.machine))];
    return {
      title: `${row.label} · ${group.title}`,
      trail: [...kdbench.trail(group), [kdbench.address.row(group, row), row.label]],
      node: el(
        "div",
        {},
        el("h1", {}, kdbench.marked(row)),
        el("p", { class: "lead" }, group.title),
        others.length
          ? el(
              "div",
              { class: "tools" },
              kdbench.choice(
                "compare with",
                [["", "choose a method"], ...others.map((each) => [each.id, each.label])],
                "",
                (value) => value && (location.hash = kdbench.address.compare(group, row, group.row(value))),
              ),
            )
          : null,
        kdbench.section("Reached", figures(group.accuracy, row), figures(group.fidelity, row), figures(group.ladder, row)),
        machines.map((name) => {
          const machine = group.machines.find((each) => each.name === name);
          return kdbench.section(
            `On ${name}`,
            machine ? machine.tables.map((table) => figures(table, row)) : null,
            runs(group, row, name),
          );
        }),
        kdbench.section("Learning curves", kdbench.curves(group, [row], [row.id])),
        kdbench.section("Parameters", parameters(row)),
      ),
    };
  };
})();

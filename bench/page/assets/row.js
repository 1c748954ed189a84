/* A row: one method with its parameters, at a link that stays. */
"use strict";

(() => {
  const { el } = kdbench;

  /** The figures of a row in one table, one a line, with what they mean. */
  const figures = (table, row) => {
    const found = table.rows.find(({ name }) => name === row.id);
    if (!found) return null;
    return el(
      "dl",
      { class: "figures" },
      table.columns.map((column, number) =>
        el(
          "div",
          {},
          el("dt", {}, column.title),
          el("dd", {}, el("strong", {}, found.figures[number][0] || "none"), el("span", { class: "soft" }, column.explanation)),
        ),
      ),
    );
  };

  const runs = (group, row, machine) => {
    const here = row.runs.filter((run) => run.machine === machine);
    const columns = [
      { title: "status", kind: "text", explanation: "" },
      { title: `test ${group.metric}`, kind: "number", explanation: "" },
      { title: "training time", kind: "number", explanation: "" },
    ];
    return kdbench.table({
      label: `Runs on ${machine}`,
      head: "Seed",
      columns,
      legend: false,
      lines: here.map((run) => ({
        id: run.key,
        text: String(run.seed),
        name: kdbench.link(kdbench.address.cell(run), `seed ${run.seed}`),
        figures: [
          [run.status, run.status === "ok" ? 0 : 1],
          run.status === "ok" ? [run.test.toFixed(2), run.test] : ["–", null],
          run.status === "ok" ? [`${run.seconds.toLocaleString("en", { maximumSignificantDigits: 3 })} s`, run.seconds] : ["–", null],
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
        kdbench.section("Accuracy", figures(group.accuracy, row)),
        machines.map((name) => {
          const machine = group.machines.find((each) => each.name === name);
          return kdbench.section(`On ${name}`, machine ? figures(machine.costs, row) : null, runs(group, row, name));
        }),
        kdbench.section("Learning curves", kdbench.curves(group, [row], [row.id])),
        kdbench.section("Parameters", parameters(row)),
      ),
    };
  };
})();

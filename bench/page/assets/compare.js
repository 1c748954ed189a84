/* Two methods of one group: seed by seed, their costs on each machine, their curves. */
"use strict";

(() => {
  const { el } = kdbench;

  /** The board's paired difference, one minus other, and its p after Holm. It stores one of the two directions. */
  const difference = async (group, one, other) => {
    const stored = await kdbench.load(`differences/${group.id}`);
    const direct = stored[one.id]?.[other.id];
    // A row that ran at smaller budgets alone is compared with none.
    const [text, , strong, p] = direct ?? stored[other.id]?.[one.id] ?? ["–", null, false, "–"];
    const turned = text.replace(/^[+-]/, (sign) => (sign === "+" ? "-" : "+"));
    return { text: direct ? text : turned, strong, p };
  };

  const summary = (one, other, { text, strong, p }) =>
    kdbench.terms(
      [
        [`${one.label} − ${other.label}, paired by seed: mean ± 95% interval (seeds)`, text],
        ["p of the paired t-test, after Holm over all pairs of rows", p],
        ["told apart", p === "–" ? "too few seeds to say" : strong ? "yes" : "no"],
      ],
      "tiles",
    );

  /** The runs that the accuracy table counts, by seed. */
  const counted = (group, row) =>
    new Map(row.runs.filter((run) => run.counted && run.budget === group.budget).map((run) => [run.seed, run]));

  const seeds = (group, one, other) => {
    const [ours, theirs] = [counted(group, one), counted(group, other)];
    const all = [...new Set([...ours.keys(), ...theirs.keys()])].sort((a, b) => a - b);
    const signed = (value) => (Math.abs(value) < 0.005 ? "0.00" : `${value > 0 ? "+" : ""}${value.toFixed(2)}`);
    const shown = (run) => (run ? [run.test.toFixed(2), run.test] : ["–", null]);
    return kdbench.table({
      label: `Test ${group.metric}, seed by seed`,
      head: "Seed",
      columns: [
        { title: one.label, kind: "number", meaning: "" },
        { title: other.label, kind: "number", meaning: "" },
        { title: "difference", kind: "number", meaning: "" },
      ],
      legend: false,
      lines: all.map((seed) => {
        const [a, b] = [ours.get(seed), theirs.get(seed)];
        const gap = a && b ? a.test - b.test : null;
        return { id: String(seed), text: String(seed), name: `seed ${seed}`, figures: [shown(a), shown(b), gap === null ? ["–", null] : [signed(gap), gap]] };
      }),
    }).node;
  };

  /** The same figures of both, one a line. */
  const sideBySide = (label, table, one, other) => {
    const find = (row) => table?.lines.find((line) => line.row === row.id);
    const [a, b] = [find(one), find(other)];
    if (!a && !b) return null;
    return kdbench.table({
      label,
      head: "Figure",
      columns: [one, other].map((row) => ({ title: row.label, kind: "number", meaning: "" })),
      legend: false,
      sorts: false,
      lines: table.columns.map((column, number) => ({
        id: String(number),
        text: column.title,
        name: el("span", { title: column.meaning }, column.title),
        figures: [a, b].map((found) => (found ? found.figures[number] : ["–", null])),
      })),
    }).node;
  };

  kdbench.views.compare = async (query) => {
    const group = await kdbench.group(query.get("group"));
    const [one, other] = [group.row(query.get("a")), group.row(query.get("b"))];
    const options = group.rows.map((row) => [row.id, row.label]);
    const go = (a, b) => (location.hash = kdbench.address.compare(group, group.row(a), group.row(b)));
    const same = one === other;
    return {
      title: `${one.label} and ${other.label} · ${group.title}`,
      trail: [...kdbench.trail(group), [kdbench.address.compare(group, one, other), `${one.label} and ${other.label}`]],
      node: el(
        "div",
        {},
        el("h1", {}, kdbench.marked(one), el("span", { class: "soft" }, " and "), kdbench.marked(other)),
        el("p", { class: "lead" }, group.title),
        el(
          "div",
          { class: "tools" },
          kdbench.choice("compare", options, one.id, (value) => go(value, other.id)),
          kdbench.choice("with", options, other.id, (value) => go(one.id, value)),
          kdbench.link(kdbench.address.compare(group, other, one), "Swap"),
        ),
        same
          ? el("p", { class: "empty" }, "Choose two different methods.")
          : [
              summary(one, other, await difference(group, one, other)),
              kdbench.section("Seed by seed", seeds(group, one, other)),
              kdbench.section("Learning curves", kdbench.curves(group, [one, other], [one.id, other.id])),
              group.machines.map((machine) => {
                const tables = machine.tables
                  .map((table) => sideBySide(`${table.title} on ${machine.name}`, table, one, other))
                  .filter(Boolean);
                return tables.length ? kdbench.section(`On ${machine.name}`, tables) : null;
              }),
              kdbench.section(
                "Reached",
                sideBySide("Accuracy", group.accuracy, one, other),
                sideBySide("Fidelity", group.fidelity, one, other),
                sideBySide("Ladder of budgets", group.ladder, one, other),
              ),
            ],
      ),
    };
  };
})();

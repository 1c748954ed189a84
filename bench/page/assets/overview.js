/* The first view: every group of records that may be compared. */
"use strict";

(() => {
  const { el } = kdbench;
  const COLUMNS = [
    ["pair", "Pair", "Teacher network → student network.", "text"],
    ["protocol", "Protocol", "The written budget: splits, epochs, evaluations, precision.", "text"],
    ["methods", "Methods", "Methods with records.", "number"],
    ["seeds", "Seeds", "Of the method with most.", "number"],
    ["runs", "Runs", "Runs that finished.", "number"],
    ["failed", "Failed", "Runs that failed.", "number"],
    ["machines", "Machines", "Hardware that made the runs.", "number"],
  ];

  const figure = (group, id) => {
    if (id === "machines") return [String(group.machines.length), group.machines.length];
    if (id === "protocol") return [[group.protocol, group.marks].filter(Boolean).join(" · "), group.order.protocol];
    if (id === "pair") return [group.pair, group.order.pair];
    return [group[id].toLocaleString("en"), group[id]];
  };

  /** The place of every text among those of its kind, so that texts sort as texts. */
  const ordered = (groups) => {
    for (const group of groups) group.order = {};
    for (const id of ["pair", "protocol"]) {
      const texts = [...new Set(groups.map((group) => group[id]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      for (const group of groups) group.order[id] = texts.indexOf(group[id]);
    }
    return groups;
  };

  const facet = (groups, id, label, changed) => {
    const values = [...new Set(groups.map((group) => group[id]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    return kdbench.choice(label, [["", "all"], ...values.map((value) => [value, value])], "", changed);
  };

  kdbench.views.overview = async () => {
    const groups = ordered(await kdbench.load("overview"));
    const title = el("h1", {}, "Knowledge distillation, measured");
    if (!groups.length) {
      return {
        title: "",
        trail: [],
        node: el(
          "div",
          {},
          title,
          el("p", { class: "lead" }, "There are no records yet. The first command makes some, the second makes this page again:"),
          kdbench.command("python -m bench run --methods all --tasks digits"),
          kdbench.command("python -m bench report"),
        ),
      };
    }
    const picked = { task: "", pair: "", protocol: "" };
    const table = kdbench.table({
      label: "What was measured",
      head: "Task",
      columns: COLUMNS.map(([, title, explanation, kind]) => ({ title, explanation, kind })),
      lines: groups.map((group) => ({
        id: group.id,
        group,
        text: group.task,
        name: kdbench.link(kdbench.address.group(group), group.task),
        figures: COLUMNS.map(([id]) => figure(group, id)),
      })),
    });
    const search = kdbench.filter("Filter by task, pair, protocol, machine", "tables", (words) => {
      const shown = new Set(
        groups.filter((group) => {
          const text = [group.title, ...group.machines].join(" ").toLowerCase();
          return (
            words.every((word) => text.includes(word)) &&
            Object.entries(picked).every(([id, value]) => !value || group[id] === value)
          );
        }),
      );
      table.show((line) => shown.has(line.group));
      return [shown.size, groups.length];
    });
    search.search();
    const pick = (id) => (value) => ((picked[id] = value), search.search());
    const runs = groups.reduce((sum, group) => sum + group.runs, 0);
    return {
      title: "",
      trail: [],
      node: el(
        "div",
        {},
        title,
        el(
          "p",
          { class: "lead" },
          "Every line is a table of its own: one task, one pair of networks, one protocol, one teacher. ",
          "What differs in any of these is never compared.",
        ),
        el(
          "div",
          { class: "tools" },
          search.node,
          facet(groups, "task", "task", pick("task")),
          facet(groups, "pair", "pair", pick("pair")),
          facet(groups, "protocol", "protocol", pick("protocol")),
        ),
        table.node,
        el("p", { class: "soft" }, `${runs.toLocaleString("en")} finished runs stand in these tables.`),
      ),
    };
  };
})();

/* Data arrive as scripts that hand JSON over: a page opened from disk may load scripts, but fetch no files. */
"use strict";

const kdbench = { views: {} };

(() => {
  const arrived = new Map();
  const known = new Map();
  const files = new Map();

  /** Called by the scripts of the folder `data`. */
  kdbench.put = (name, text) => arrived.set(name, text);

  /** A promise of the content that a script of the folder `data` hands over. Rejects if there is none. */
  kdbench.load = async (name, file = name) => {
    if (!files.has(file)) files.set(file, kdbench.script(`data/${file}.js`));
    await files.get(file);
    if (!known.has(name)) known.set(name, JSON.parse(arrived.get(name)));
    arrived.delete(name);
    return known.get(name);
  };

  /** A promise that ends when a script has run. */
  kdbench.script = (path) =>
    new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = path;
      script.onload = () => done(script.remove());
      script.onerror = () => failed(new Error(`This report has no ${path}.`, script.remove()));
      document.head.append(script);
    });

  /** The group of a link. A link from before runs with a teacher came, or the whole budget, leads to what it became. */
  kdbench.group = async (link) => {
    const { groups } = await kdbench.load("overview");
    const found = groups.find((group) => group.id === link) || groups.find((group) => group.former.includes(link));
    if (!found) throw new Error(`This report has no group ${link}. It may be of other records.`);
    const group = await kdbench.load(`groups/${found.id}`);
    group.rows.forEach((row, number) => (row.number = number));
    group.row = (id) => {
      const row = group.rows.find((each) => each.id === id);
      if (!row) throw new Error(`This report has no row ${id} in ${group.title}.`);
      return row;
    };
    return group;
  };

  /** The cell of a run: its record, m, its file and the rows that it stands in. */
  kdbench.cell = async (machine, key) => {
    const packs = await kdbench.load("cells");
    if (!Object.hasOwn(packs, machine) || !Object.hasOwn(packs[machine], key)) {
      throw new Error(`This report has no cell ${key} of ${machine}.`);
    }
    return kdbench.load(`cells/${machine}/${key}`, `cells/${packs[machine][key]}`);
  };
})();

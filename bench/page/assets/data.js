/* Data arrive as scripts that hand JSON over: a page opened from disk may load scripts, but fetch no files. */
"use strict";

const kdbench = { views: {} };

(() => {
  const arrived = new Map();
  const asked = new Map();

  kdbench.put = (name, text) => arrived.set(name, text);

  /** A promise of what a script of the folder `data` hands over. Rejects if there is no such script. */
  kdbench.load = (name) => {
    if (!asked.has(name)) {
      const answer = kdbench.script(`data/${name}.js`).then(() => {
        const content = JSON.parse(arrived.get(name));
        arrived.delete(name);
        return content;
      });
      answer.catch(() => asked.delete(name));
      asked.set(name, answer);
    }
    return asked.get(name);
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
  kdbench.cell = (machine, key) => kdbench.load(`cells/${machine}/${key}`);
})();

// Places of a beam's hypotheses in a tree: a column for each step.

/**
 * Nodes and edges of a recorded search.
 *
 * A hypothesis that finished is repeated at later steps; it is drawn once.
 * @returns {{nodes: object[], columns: number, rows: number}} each node is {step
 *   (-1: the start), row, kind, hypothesis, parent (a node or null), isBest,
 *   rank (its place in the result, or null)}
 */
export function layOut(search, showDropped) {
  const start = {
    step: -1,
    row: 0,
    kind: "start",
    hypothesis: { ids: [] },
    parent: null,
    rank: null,
    isBest: true,
  };
  const nodes = [start];
  const ranks = new Map(
    search.hypotheses.map((each, rank) => [String(each.ids), rank]),
  );
  const best = search.hypotheses[0]?.ids ?? [];
  let previous = [start];
  let rows = 1;
  search.steps.forEach(({ live, finished, dropped }, step) => {
    const isNew = (each) => step === 0 || each.parent !== null;
    const kinds = [
      ["live", live],
      ["finished", finished.filter(isNew)],
      ["dropped", showDropped ? dropped : []],
    ];
    const column = kinds.flatMap(([kind, hypotheses]) =>
      hypotheses.map((hypothesis) => ({
        step,
        kind,
        hypothesis,
        parent: parentOf(hypothesis, previous),
        rank: ranks.get(String(hypothesis.ids)) ?? null,
        isBest: hypothesis.ids.every((id, index) => id === best[index]),
      })),
    );
    column.forEach((node, row) => {
      node.row = row;
    });
    nodes.push(...column);
    rows = Math.max(rows, column.length);
    previous = column.filter((node) => node.kind === "live");
  });
  return { nodes, columns: search.steps.length + 1, rows };
}

function parentOf(hypothesis, previous) {
  return previous[hypothesis.parent ?? 0] ?? previous[0] ?? null;
}

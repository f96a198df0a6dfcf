// What is loaded from the server, and kept as long as the next is on its way.

import { useEffect, useRef, useState } from "../library.js";

const POLL_MILLISECONDS = 5000;

/** All runs, asked for again and again: {listed: {runs, notes}, problem}. */
export function useRuns(server) {
  const [result, setResult] = useState({});
  useEffect(() => {
    let timer = 0;
    const poll = async () => {
      if (!document.hidden) setResult(await settled(server.runs(), "listed"));
      timer = setTimeout(poll, POLL_MILLISECONDS);
    };
    poll();
    return () => clearTimeout(timer);
  }, [server]);
  return useKept(result, "listed");
}

/** The steps of a sentence, asked for again when there are others. */
export function useSteps(server, run, tag, series) {
  const [result, setResult] = useState({ of: "" });
  const of = JSON.stringify([run, tag]);
  useEffect(() => {
    if (!series || series.problem) return undefined;
    return whileWanted(server.steps(run, tag), "steps", (answer) =>
      setResult({ ...answer, of }),
    );
  }, [of, series?.last, series?.written, series?.problem]);
  return result.of === of ? (result.steps ?? []) : [];
}

/** The trace of a step; before it has come, the one before it. */
export function useTrace(server, run, tag, step, written) {
  const [result, setResult] = useState({});
  useEffect(() => {
    if (step === undefined) return undefined;
    const traced = server.trace(run, tag, step, written);
    return whileWanted(traced, "trace", (answer) =>
      setResult({ ...answer, run, tag, step }),
    );
  }, [server, run, tag, step, written]);
  const isLoaded =
    result.run === run && result.tag === tag && result.step === step;
  const kept = useKept(result, "trace");
  return { ...kept, isLoaded, problem: isLoaded ? result.problem : undefined };
}

function whileWanted(promise, name, use) {
  let isWanted = true;
  settled(promise, name).then((answer) => {
    if (isWanted) use(answer);
  });
  return () => {
    isWanted = false;
  };
}

async function settled(promise, name) {
  try {
    return { [name]: await promise };
  } catch (error) {
    return { problem: error.message };
  }
}

/** The result, with the last value that there was. */
function useKept(result, name) {
  const last = useRef(undefined);
  if (result[name] !== undefined) last.current = result[name];
  return { ...result, [name]: last.current };
}

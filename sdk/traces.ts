/**
 * The SDK reads a stack trace four times for every property of a resource, and shows it to nobody but who looks for
 * promises that never end. Mapped to the sources, these took more of a preview than all else in the program.
 *
 * Until the answer is called, a trace has no frames when it is read, except where the SDK lifts the limit: so it finds
 * the place of the declaration. What is thrown meanwhile loses nothing: V8 keeps the frames, and prints them when they
 * are first read, which is later.
 */
export function pauseTraces(): () => void {
  const { prepareStackTrace } = Error;
  if (process.env.PULUMI_DEBUG_PROMISE_LEAKS) return () => {};
  Error.prepareStackTrace = (error, frames) => {
    if (Error.stackTraceLimit !== Number.POSITIVE_INFINITY) return String(error);
    return prepareStackTrace?.(error, frames) ?? [error, ...frames].join("\n    at ");
  };
  return () => {
    Error.prepareStackTrace = prepareStackTrace;
  };
}

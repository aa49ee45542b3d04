import { Session } from "../host/session";
import { forgetAhead } from "../server/look-ahead";
import { stateDirectory, type Target } from "../server/target";

/** @param inside the target as the session's own shell reaches it: it needs no second one beside that */
export type Locked<T> = (session: Session, inside: Target) => Promise<T>;

/** Nobody else changes the instance meanwhile. */
export async function withLock<T>(target: Target, body: Locked<T>): Promise<T> {
  forgetAhead(target.host);
  return holding(await Session.open(target.host, stateDirectory(target), target.owner), target, body);
}

/** As `withLock`, where there is something of ours already; undefined where there is nothing. */
export async function withExistingLock<T>(target: Target, body: Locked<T>): Promise<T | undefined> {
  forgetAhead(target.host);
  const session = await Session.openExisting(target.host, stateDirectory(target), target.owner);
  return session && holding(session, target, body);
}

async function holding<T>(session: Session, target: Target, body: Locked<T>): Promise<T> {
  try {
    return await body(session, { ...target, host: session.host });
  } finally {
    await session.close();
  }
}

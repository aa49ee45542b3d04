import { Session } from "../host/session";
import { stateDirectory, type Target } from "../server/target";

/** Nobody else changes the instance meanwhile. */
export async function withLock<T>(target: Target, body: (session: Session) => Promise<T>): Promise<T> {
  const session = await Session.open(target.host, stateDirectory(target), target.owner);
  try {
    return await body(session);
  } finally {
    await session.close();
  }
}

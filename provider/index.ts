/**
 * The one door that the state's `__provider` opens. This path and this name are written into every state file: they
 * stay, whatever moves behind them.
 */
import "./node-version";

export { instance } from "./resources/instance";

/** What the engine remembers of a resource, and what it makes of the provider's answers: `pulumi up`, `refresh`. */
import type { PlanLine } from "../../../provider/plan/line";
import { ResourceInitError } from "../../../provider/resources/engine";
import { instance } from "../../../provider/resources/instance";
import { canonicalJson } from "../../../provider/schema/canonical";
import type { Properties } from "../../../provider/schema/check";

/** What the provider said since somebody last asked. */
const heard = { lines: [] as PlanLine[], progress: [] as string[] };

/** In place of the provider's own `logFor`. */
export const logFor = () => ({
  progress: (text: string) => void heard.progress.push(text),
  say: async (severity: PlanLine["severity"], text: string) => void heard.lines.push({ severity, text }),
});

function hear() {
  return { lines: heard.lines.splice(0), progress: heard.progress.splice(0) };
}

export interface Preview {
  /** As they go to the update. */
  readonly news: Properties;
  readonly ignores: readonly string[];
  readonly lines: readonly string[];
  /** Whether there is an update. */
  readonly updates: boolean;
  /** Why there will be none. */
  readonly refusal?: string;
}

export interface Update {
  readonly progress: readonly string[];
  readonly lines: readonly string[];
  /** What it threw before its first change. */
  readonly stopped?: string;
  /** What it threw after that. */
  readonly failed?: string;
}

export class Stack {
  private constructor(
    private readonly id: string,
    private inputs: Properties,
    public outs: Properties,
    private hasFailed = false,
  ) {}

  static async create(program: Properties): Promise<Stack> {
    const { inputs, failures } = await instance.check({}, wire(program));
    if (failures?.length) throw new Error(JSON.stringify(failures));
    const { id, outs } = await instance.create(wire(inputs));
    hear();
    return new Stack(id, wire(inputs), wire(outs ?? {}));
  }

  async preview(program: Properties, ignores: readonly string[]): Promise<Preview> {
    const checked = await instance.check(this.inputs, ignoring(this.inputs, wire(program), ignores));
    const news = wire(checked.inputs);
    const failures = (checked.failures ?? []).map(({ reason }) => reason).join("\n");
    if (failures !== "") return { news, ignores, lines: [], updates: false, refusal: failures };
    const told = () => hear().lines.map(({ text }) => text);
    try {
      const { changes } = await instance.diff(this.id, this.outs, news);
      // Where the provider does not know, the engine holds inputs against inputs.
      const updates = changes ?? canonicalJson(this.inputs) !== canonicalJson(news);
      return { news, ignores, lines: told(), updates: updates || this.hasFailed };
    } catch (error) {
      return { news, ignores, lines: told(), updates: false, refusal: messageOf(error) };
    }
  }

  async update({ news, updates, refusal }: Preview): Promise<Update> {
    if (refusal !== undefined) return { progress: [], lines: [] };
    if (!updates) {
      this.inputs = news;
      return { progress: [], lines: [] };
    }
    const told = () => {
      const { lines, progress } = hear();
      return { progress, lines: lines.map(({ text }) => text) };
    };
    try {
      const { outs } = await instance.update(this.id, this.outs, news);
      this.outs = wire(outs ?? {});
      this.inputs = news;
      this.hasFailed = false;
      return told();
    } catch (error) {
      const words = messageOf(error);
      if (!(error instanceof ResourceInitError)) return { ...told(), stopped: words };
      this.outs = wire(error.properties);
      this.hasFailed = true;
      return { ...told(), [words.endsWith("Nothing was changed.") ? "stopped" : "failed"]: words };
    }
  }

  /** @returns what it says */
  async refresh(): Promise<readonly string[]> {
    const { props, inputs } = await instance.read(this.id, this.outs);
    if (!props) throw new Error("refresh: it is gone");
    this.outs = wire(props);
    this.inputs = wire(inputs ?? this.inputs);
    this.hasFailed = false;
    return hear().lines.map(({ text }) => text);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** As it travels, and as the state file has it. */
const wire = (properties: object): Properties => JSON.parse(JSON.stringify(properties));

/** `ignoreChanges`, before anything else: at each path the inputs are as they were, those that were not there are none. */
function ignoring(olds: Properties, news: Properties, paths: readonly string[]): Properties {
  const inputs = { ...news };
  const reset = (properties: Record<string, unknown>, name: string, before: Properties) => {
    if (before[name] === undefined) delete properties[name];
    else properties[name] = before[name];
  };
  for (const path of paths) {
    const [property = "", part] = path.split(/\.(.*)/);
    const [before, now] = [
      olds[property] as Properties | undefined,
      inputs[property] as Properties | undefined,
    ];
    if (part === undefined) reset(inputs, property, olds);
    else if (before && now) {
      inputs[property] = { ...now };
      reset(inputs[property] as Record<string, unknown>, part, before);
    }
  }
  return inputs;
}

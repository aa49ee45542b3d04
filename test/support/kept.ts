/** One instance over its time, here or over SSH: changed, killed while it is changed, looked at, and used meanwhile. */
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import { downtimeOf } from "./downtime";
import { handles, type Place, place } from "./instances";
import { again, type Kill, type Killer } from "./killed";
import type { Major } from "./servers";
import { openWay, type Way, type WayName } from "./way";

/** Of the role that applications of a test use: `probe`. */
export const password = "for this test";

export class Kept {
  private constructor(
    readonly way: Way,
    readonly at: Place,
    private readonly base: Properties,
    private id: string,
    public outs: Properties,
  ) {}

  static async open(way: WayName, major: Major, base: Properties, more: Properties = {}): Promise<Kept> {
    const [opened, at] = await Promise.all([openWay(way), place(major)]);
    const kept = new Kept(opened, at, { ...opened.args, ...base }, "", {});
    try {
      const { id, outs } = await instance.create(await kept.inputs(more));
      kept.id = id;
      kept.outs = outs as Properties;
      await kept.sql(`CREATE ROLE probe LOGIN SUPERUSER PASSWORD '${password}'`);
      return kept;
    } catch (error) {
      await kept.close();
      throw error;
    }
  }

  inputs(more: Properties): Promise<Properties> {
    return this.at.inputs({ ...this.base, ...more });
  }

  /** `pulumi up`, then one that has nothing to do. */
  async up(more: Properties): Promise<void> {
    const news = await this.inputs(more);
    await instance.diff(this.id, this.outs, news);
    this.outs = (await again(() => instance.update(this.id, this.outs, news))).outs as Properties;
    const { changes } = await instance.diff(this.id, this.outs, news);
    if (changes !== false) throw new Error("there is something to do after the update");
  }

  /** A `pulumi up` whose provider is killed on the way: the state stays as it was. */
  async killedUp(killer: Killer, more: Properties, kill: Kill): Promise<void> {
    await killer.kill("update", [this.id, this.outs, await this.inputs(more)], kill);
  }

  async refresh(): Promise<Properties> {
    const { props, inputs } = await instance.read(this.id, this.outs);
    this.outs = props as Properties;
    return inputs as Properties;
  }

  delete(): Promise<void> {
    return instance.delete(this.id, this.outs);
  }

  sql(text: string) {
    return handles(this.at.target).sql(text);
  }

  /** What a client notices that writes all the time; said, as it is a measurement. */
  async downtime(what: string, body: () => Promise<void>): Promise<number> {
    const address = { host: this.at.folder.path, port: this.at.port, password };
    const { milliseconds, written } = await downtimeOf(address, body);
    process.stdout.write(
      `${what} (${this.way.where}): ${milliseconds} ms without a write, ${written} written\n`,
    );
    return milliseconds;
  }

  async close(): Promise<void> {
    await this.at.folder.dispose();
    await this.way.dispose();
  }
}

/** A configuration file that is there and is no text to edit: an error with its path and the way out, and it stays as it is. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { instance } from "../../../provider/resources/instance";
import { failureOf, type Live, liveInstance, messageOf } from "../../support/instances";
import { editAsOwner } from "../../support/servers";

interface Kind {
  readonly kind: string;
  /** A shell script that puts it in the place of "$file". */
  readonly deed: string;
  readonly says: RegExp;
  readonly remedy: RegExp;
}

const kinds: readonly Kind[] = [
  {
    kind: "binary",
    deed: 'head -c 3000 "$programs/postgres" >"$file"',
    says: /is no text: there is a NUL byte in it/,
    remedy: /Put the file back from a copy/,
  },
  {
    kind: "a directory",
    deed: 'mkdir "$file" && echo kept >"$file/kept"',
    says: /is a directory/,
    remedy: /Move it away, and put the file in its place/,
  },
  {
    kind: "a link to nothing",
    deed: 'ln -s nowhere "$file"',
    says: /is a symbolic link to nothing/,
    remedy: /Put back the file that it leads to, or a file in its place/,
  },
  {
    kind: "a pipe",
    deed: 'mkfifo "$file"',
    says: /is no regular file/,
    remedy: /Put a regular file in its place/,
  },
  {
    kind: "not ours to read",
    deed: 'cp "$file.kept" "$file" && chmod 000 "$file"',
    says: /cannot be read by \S+\./,
    remedy: /Give it back to \S+ \(chown, chmod u\+r\)/,
  },
];

const own = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"];
const included = ["once.conf", "perhaps.conf", "conf.d/a.conf"];

/** The server passes over these without a word, and so do we. */
const passedOver = [
  ["perhaps.conf", "a link to nothing"],
  ["conf.d/a.conf", "a directory"],
];
const isPassedOver = (file: string, { kind }: Kind) =>
  passedOver.some(([path, what]) => path === file && what === kind);

const cases = [
  ...own.flatMap((file) => kinds.map((one) => ({ file, ...one }))),
  ...included.flatMap((file) =>
    // The server, which is asked first, would wait for what comes out of a pipe.
    kinds.filter((one) => one.kind !== "a pipe" && !isPassedOver(file, one)).map((one) => ({ file, ...one })),
  ),
];

describe("a configuration file", () => {
  let live: Live;
  const inDirectory = (script: string, file = "") =>
    editAsOwner(
      `data=$1 programs=$2 file=$1/$3; cd "$data" && ${script}`,
      live.target.dataDirectory,
      live.target.binDirectory,
      file,
    );
  /** Of every file in the data directory that is named like one of these: kind, mode, owner, target, time and content. */
  const asItIs = () =>
    inDirectory(
      "find . -maxdepth 2 \\( -name '*.conf*' -o -name kept \\) -printf '%p %y %m %u %l %T@ %i\\n' | sort; find . -maxdepth 2 -type f -name '*.conf*' -perm -400 -exec cksum {} + | sort",
    );

  beforeAll(async () => {
    live = await liveInstance("18", { settings: { work_mem: "5MB" } });
    await inDirectory(
      `mkdir conf.d && for one in once.conf perhaps.conf conf.d/a.conf; do echo "temp_buffers = 9MB" >$one; done &&
       printf "%s\\n" "include 'once.conf'" "include_if_exists 'perhaps.conf'" "include_dir 'conf.d'" >>postgresql.conf`,
    );
  });
  afterAll(() => live?.folder.dispose());

  const replace = async (file: string, deed: string) => {
    await inDirectory(`mv "$file" "$file.kept" && ${deed}`, file);
    onTestFinished(async () => {
      await inDirectory('rm -rf "$file" && mv "$file.kept" "$file"', file);
    });
  };

  it.each(cases)("$file that is $kind fails a refresh and an update, and stays", async (one) => {
    await replace(one.file, one.deed);
    const before = await asItIs();
    const wanted = await live.inputs({
      settings: { work_mem: "6MB" },
      hba: { app: { type: "local", database: "all", user: "app", method: "reject" } },
    });
    for (const deed of [
      () => instance.read(live.id, live.outs),
      () => instance.update(live.id, live.outs, wanted),
    ]) {
      const said = messageOf(await failureOf(deed()));
      expect(said).toContain(`${live.target.dataDirectory}/${one.file} `);
      expect(said).toMatch(one.says);
      expect(said).toMatch(one.remedy);
    }
    expect(await asItIs()).toBe(before);
  });

  it.each(passedOver)("%s that is %s is none for the server, nor for us", async (file = "", kind = "") => {
    await replace(file, kinds.find((one) => one.kind === kind)?.deed ?? "");
    const { observed } = await live.observe();
    const rows = await live.sql("SELECT sourcefile FROM pg_file_settings WHERE name = 'temp_buffers'");
    expect(observed.settings.temp_buffers?.place).not.toContain(file);
    expect(rows.map(({ sourcefile }) => String(sourcefile)).filter((path) => path.endsWith(file))).toEqual(
      [],
    );
    expect(rows).toHaveLength(included.length - 1);
  });

  it("that is a directory of files, or what stands for one, is told apart from none", async () => {
    for (const [deed, says] of [
      ["echo x >conf.d", /conf\.d is no directory/],
      ["ln -s nowhere conf.d", /conf\.d is no directory/],
      ["mkdir -m 000 conf.d", /conf\.d cannot be read by/],
    ] as const) {
      await inDirectory(`mv conf.d kept.d && ${deed}`);
      expect(messageOf(await failureOf(instance.read(live.id, live.outs)))).toMatch(says);
      await inDirectory("rm -rf conf.d && mv kept.d conf.d");
    }
  });

  it("that is a link to a file is read through it, and refused when it would be written", async () => {
    const edit = async (more: object) =>
      failureOf(
        instance.update(live.id, live.outs, await live.inputs({ settings: { work_mem: "5MB" }, ...more })),
      );
    const hba = { app: { type: "local", database: "all", user: "app", method: "reject" } };
    for (const [file, more] of [
      ["postgresql.conf", { settings: { work_mem: "7MB" } }],
      ["pg_hba.conf", { hba }],
    ] as const) {
      await inDirectory('mv "$file" "$file.kept" && ln -s "$file.kept" "$file"', file);
      const { inputs } = await instance.read(live.id, live.outs);
      expect(inputs).toMatchObject({ settings: { work_mem: "5MB" } });
      const before = await asItIs();
      expect(messageOf(await edit(more))).toContain(`${file} is a symbolic link, which is not followed`);
      expect(await asItIs()).toBe(before);
      await inDirectory('rm "$file" && mv "$file.kept" "$file"', file);
    }
  });
});

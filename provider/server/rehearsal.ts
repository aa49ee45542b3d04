import type { SettingChange } from "../plan/step";
import { appliedBy, findSetting } from "../postgresql/settings";
import type { Major } from "../postgresql/version";

/**
 * Whether a start has to be tried beside the running server before these are written: for what only a start judges, and
 * for TLS files, of which a reload tells nothing but the server's log. 14 cannot.
 */
export function needsRehearsal(version: Major, changes: readonly SettingChange[]): boolean {
  const isJudged = ({ name }: SettingChange) => {
    const setting = findSetting(version, name);
    return (
      setting !== undefined && (appliedBy(setting.context) === "restart" || /^ssl(_|$)/.test(setting.name))
    );
  };
  return Number(version) >= 15 && changes.some(isJudged);
}

/**
 * Shell function `rehearse POSTGRES`, with $data, $own and $conf set: the server starts with the candidate in a directory
 * that has all that the data directory has, but no pid file, up to where it would take its shared memory. So it has loaded
 * libraries, read TLS files, and judged settings that have to fit each other. Nothing else is there to say
 * that the memory is not there. https://www.postgresql.org/docs/current/app-postgres.html, option -C.
 */
export const rehearsing = `rehearse() {
  stage=$own/rehearsal
  rm -rf "$stage" && mkdir -m 700 "$stage" || return 1
  for entry in "$data"/*; do
    case \${entry##*/} in
      postmaster.*) ;;
      *) ln -s "$entry" "$stage/" || return 1 ;;
    esac
  done
  needs=$("$1" -D "$stage" -c "data_directory=$stage" "--config-file=$conf.candidate" -C shared_memory_size) || return 1
  rm -rf "$stage"
  has=$(awk '/^(MemTotal|SwapTotal):/ { all += $2 } END { printf "%d", all / 1024 }' /proc/meminfo 2>/dev/null)
  [ "\${has:-0}" -eq 0 ] || [ "$needs" -le "$has" ] || {
    echo "it needs \${needs}MB of shared memory, and this host has \${has}MB of memory, swap included" >&2
    return 1
  }
}
`;

/**
 * Shell function for a new name: `rename_to FROM TO`. Where others may make something beside it, TO may be a link to a
 * folder by then, and mv would put FROM in there. Of macOS's mv nothing like that can be asked.
 */
export const renaming = `rename_to() {
  case $(mv --help 2>&1) in *-T*) mv -T "$1" "$2" ;; *) mv "$1" "$2" ;; esac
}
`;

import { describe, expect, test } from "vitest";
import { isScramVerifier, scramVerifier } from "../../../provider/postgresql/scram";

/** RFC 7677, section 3: its salt, and the keys that follow from "pencil". */
const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const pencil =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

describe("a verifier", () => {
  test("is that of RFC 7677 for its example", () => {
    expect(scramVerifier("pencil", salt)).toBe(pencil);
  });

  test("says its iterations and its salt", () => {
    expect(scramVerifier("x", Uint8Array.of(1, 2, 3), 1)).toMatch(/^SCRAM-SHA-256\$1:AQID\$/);
  });

  test.each([
    ["a soft hyphen, which SASLprep drops", "I\u00adX", "IX"],
    ["compatible characters, which it unites", "\u2168", "IX"],
    ["a wide space, which it makes a space", "a\u3000b", "a b"],
  ])("does not tell apart %s", (_, password, same) => {
    expect(scramVerifier(password, salt)).toBe(scramVerifier(same, salt));
  });

  test.each([
    ["a control character", "a\u0007ß"],
    ["text in two directions", "\u06271"],
    ["a character that Unicode 3.2 did not have", "\u0221"],
    ["nothing left after mapping", "\u00ad"],
  ])("takes the password as it is where SASLprep refuses %s", (_, password) => {
    expect(scramVerifier(password, salt)).not.toBe(scramVerifier("", salt));
    expect(isScramVerifier(scramVerifier(password, salt))).toBe(true);
  });
});

describe("a text", () => {
  test("that is a verifier is known", () => {
    expect(isScramVerifier(pencil)).toBe(true);
  });

  test.each([
    "",
    "pencil",
    "md5d41d8cd98f00b204e9800998ecf8427e",
    `${pencil}\n`,
    `x${pencil}`,
    pencil.replace("4096", "0"),
    pencil.replace("W22", "W2"),
    pencil.slice(0, -1),
    pencil.replace("SHA-256", "SHA-1"),
  ])("%j is a password", (text) => {
    expect(isScramVerifier(text)).toBe(false);
  });
});

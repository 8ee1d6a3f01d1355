import { expect, test } from "vitest";
import { dated } from "../../api/changelog.ts";

const changelog = `# Changelog

## [Unreleased]

### Added

- This.

## [0.1.0] - 2026-01-01

### Added

- That.
`;

test("what is unreleased belongs to the version, and the next changes have a place", () => {
  expect(dated(changelog, "0.2.0", "2026-02-03")).toBe(
    changelog.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n"),
  );
});

test.each([
  ["no such heading", changelog.replace("## [Unreleased]\n", ""), /no line "## \[Unreleased\]"/],
  ["nothing under it", changelog.replace("### Added\n\n- This.\n", ""), /nothing stands under Unreleased/],
])("a release that says nothing is refused: %s", (_, text, message) => {
  expect(() => dated(text, "0.2.0", "2026-02-03")).toThrow(message);
});

const UNRELEASED = "## [Unreleased]\n";

/**
 * A changelog in which what was unreleased belongs to a version.
 *
 * @param date "2026-01-31".
 * @throws Error where there is nothing to release.
 */
export function dated(changelog: string, version: string, date: string): string {
  const [before, after] = changelog.split(UNRELEASED);
  if (before === undefined || after === undefined) throw new Error(`CHANGELOG.md: no line "${UNRELEASED.trim()}"`);
  const [unreleased = ""] = after.split(/^## /m);
  if (unreleased.trim() === "") throw new Error("CHANGELOG.md: nothing stands under Unreleased");
  return `${before}${UNRELEASED}\n## [${version}] - ${date}\n${after}`;
}

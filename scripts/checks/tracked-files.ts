import { existsSync } from 'node:fs'

/**
 * Lists the files that Git tracks below the current folder; without Git, as in an unpacked archive, all source files.
 * @param patterns globs that a file must match one of
 */
export function trackedFiles(...patterns: string[]): string[] {
  const globs = patterns.map((pattern) => new Bun.Glob(pattern))
  const wanted = (file: string) => globs.some((glob) => glob.match(file)) && existsSync(file)
  return (listWithGit() ?? listFolder()).filter(wanted).sort()
}

function listWithGit(): string[] | undefined {
  if (!Bun.which('git')) return undefined
  const { exitCode, stdout } = Bun.spawnSync(['git', 'ls-files', '-z'], { stderr: 'ignore' })
  return exitCode === 0 ? stdout.toString().split('\0') : undefined
}

const listFolder = (): string[] =>
  [...new Bun.Glob('**/*').scanSync('.')].filter((file) => !/(^|\/)(node_modules|dist)\//.test(file))

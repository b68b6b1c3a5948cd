import { trackedFiles } from './tracked-files'

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/
const SUFFIXES = /(\.test|\.d)?\.[a-z0-9]+$/
/** Drizzle names the migrations, and registries expect README.md. */
const EXEMPT = /^src\/db\/migrations\/|(^|\/)README\.md$/

export function misnamedFiles(): string[] {
  return trackedFiles('{src,client,scripts,tests}/**').filter(
    (file) =>
      !EXEMPT.test(file) &&
      !file
        .replace(SUFFIXES, '')
        .split('/')
        .every((name) => KEBAB_CASE.test(name)),
  )
}

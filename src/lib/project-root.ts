import { existsSync } from 'node:fs'
import path from 'node:path'

/** The project's folder. Sources and the bundle of `bun run build` lie at different depths in it. */
export const root = findRoot(import.meta.dir)

function findRoot(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : findRoot(path.dirname(folder))
}

import { existsSync } from 'node:fs'
import path from 'node:path'

/** The project's folder, found from the sources as well as from a bundle of `bun run build`, which lies higher up. */
export const root = findRoot(import.meta.dir)

function findRoot(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : findRoot(path.dirname(folder))
}

import path from 'node:path'

/** The project's folder, from the sources and from what `bun run build` makes of them: both lie right below it. */
export const root = path.resolve(import.meta.dir, '..')

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import postgres from 'postgres'
import { root } from '../src/lib/project-root'
import { createDatabase } from './support/database'

// The files document the database, and the next migration starts from them: an outdated file would undo a change.

type Definitions = Map<string, { file: string; tokens: string }>
type Files = Map<string, string>

let client: postgres.Sql
let files: Files
beforeAll(async () => {
  client = postgres(await createDatabase(), { max: 1, onnotice() {} })
  const folder = path.join(root, 'src/db/functions')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql'))
  files = new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(path.join(folder, name), 'utf8')] as const),
    ),
  )
})
afterAll(() => client.end())

/** Drops comments and the white space between tokens, and nothing inside literals and quoted names. */
const tokensOf = (definition: string) =>
  (definition.match(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--.*|\/\*[\s\S]*?\*\/|\w+|[^\s\w]/g) ?? [])
    .filter((token) => !/^(?:--|\/\*)/.test(token))
    .join(' ')

/** Reads every function, trigger and view of the schema public, and the name of the file that belongs to each. */
async function readDefinitions(tx: postgres.Sql): Promise<Definitions> {
  const rows = await tx<{ name: string; file: string; definition: string }[]>`
    WITH functions AS (
      SELECT p.oid, p.proname FROM pg_proc p
      WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))
    SELECT 'function ' || oid::regprocedure AS name, proname AS file, pg_get_functiondef(oid) AS definition FROM functions
    UNION ALL
    SELECT format('trigger %s on %s', t.tgname, t.tgrelid::regclass), f.proname, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN functions f ON f.oid = t.tgfoid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'view ' || c.relname, c.relname, format('%s %s %s', c.relkind, c.reloptions, pg_get_viewdef(c.oid))
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')`
  return new Map(
    rows.map(({ name, file, definition }) => [
      name,
      { file: `${file.replaceAll('_', '-')}.sql`, tokens: tokensOf(definition) },
    ]),
  )
}

async function dropAll(tx: postgres.Sql, definitions: Definitions): Promise<void> {
  for (const name of definitions.keys())
    if (!name.startsWith('trigger')) await tx.unsafe(`DROP ${name} CASCADE`)
}

/** Replaces all definitions by those of the files, one file after the other, and rolls back. */
async function loadFiles(from: Files): Promise<Definitions> {
  const tx = await client.reserve()
  try {
    await tx`BEGIN`
    await tx`SET LOCAL check_function_bodies = off`
    await dropAll(tx, await readDefinitions(tx))
    const loaded: Definitions = new Map()
    let before = await readDefinitions(tx)
    expect(before.size).toBe(0)
    for (const [file, text] of from) {
      await tx.unsafe(text)
      const after = await readDefinitions(tx)
      for (const [name, { tokens }] of after)
        if (before.get(name)?.tokens !== tokens) loaded.set(name, { file, tokens })
      before = after
    }
    return loaded
  } finally {
    await tx`ROLLBACK`
    tx.release()
  }
}

const sorted = (definitions: Definitions) => [...definitions].sort(([a], [b]) => (a < b ? -1 : 1))

test('each function, trigger and view of the database equals its file', async () => {
  const migrated = await readDefinitions(client)
  expect(migrated.size).toBeGreaterThan(45)
  expect(sorted(await loadFiles(files))).toEqual(sorted(migrated))
  expect(
    [...files.keys()].filter((file) => ![...migrated.values()].some((one) => one.file === file)),
  ).toEqual([])
})

/** The files with one text replaced, which must occur exactly once. */
function edited(file: string, from: string, to: string): Files {
  const parts = files.get(file)?.split(from) ?? []
  expect([file, from, parts.length]).toEqual([file, from, 2])
  return new Map([...files, [file, parts.join(to)]])
}

test('one missing, superfluous, misplaced or different token or file is found', async () => {
  const migrated = sorted(await readDefinitions(client))
  const without = (file: string) => new Map([...files].filter(([name]) => name !== file))
  const other = 'CREATE FUNCTION other() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;'
  const trigger = /CREATE OR REPLACE TRIGGER[\s\S]*/.exec(files.get('reviews-count.sql') ?? '')?.[0] ?? ''
  const wrong: Record<string, Files> = {
    'a missing function': without('epoch-ms.sql'),
    'a missing view': without('happenings.sql'),
    'a missing trigger': edited('reviews-count.sql', trigger, ''),
    'a superfluous file': new Map([...files, ['other.sql', other]]),
    'a superfluous overload': edited(
      'epoch-ms.sql',
      '-- Conv',
      `${other.replace('other', 'epoch_ms')}\n-- Conv`,
    ),
    'a function in the wrong file': new Map([
      ...without('free-unit.sql'),
      ['free-units.sql', files.get('free-unit.sql') ?? ''],
    ]),
    'another body': edited('release-hold.sql', "outcome := 'RELEASED'", "outcome := 'released'"),
    'white space in a literal': edited('bookings-guard.sql', 'has not been asked', 'has not  been asked'),
    'another default': edited('claim.sql', "DEFAULT 'system'", "DEFAULT 'web'"),
    'another volatility': edited('free-place.sql', 'STABLE', 'VOLATILE'),
    'another column of a trigger': edited('spaces-guard.sql', 'UPDATE OF kind, ', 'UPDATE OF '),
    'another event of a trigger': edited('check-ins-activity.sql', 'AFTER INSERT', 'AFTER INSERT OR UPDATE'),
    'another column of a view': edited('happenings.sql', 'ELSE updated_at END', 'ELSE created_at END'),
  }
  for (const [name, change] of Object.entries(wrong))
    expect([name, Bun.deepEquals(sorted(await loadFiles(change)), migrated)]).toEqual([name, false])

  const commented = edited('claim.sql', 'BEGIN\n', "BEGIN -- the caller's lock\n  /* ' */\n\n")
  expect(sorted(await loadFiles(commented))).toEqual(migrated)
})

test('a change of the database that has no file is found', async () => {
  const changes = [
    'CREATE FUNCTION other() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE VIEW other AS SELECT 1 AS one',
    'CREATE TRIGGER other AFTER DELETE ON check_ins FOR EACH ROW EXECUTE FUNCTION check_ins_activity()',
    'DROP TRIGGER reviews_count ON reviews',
    'ALTER FUNCTION free_unit STRICT',
  ]
  const loaded = sorted(await loadFiles(files))
  for (const change of changes) {
    const tx = await client.reserve()
    await tx`BEGIN`
    await tx.unsafe(change)
    const changed = sorted(await readDefinitions(tx))
    await tx`ROLLBACK`
    tx.release()
    expect([change, Bun.deepEquals(loaded, changed)]).toEqual([change, false])
  }
})

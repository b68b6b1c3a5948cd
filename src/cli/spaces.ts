import path from 'node:path'
import { Argument, Option } from 'commander'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { AppError } from '../errors'
import type { Space } from '../schemas/spaces'
import { importSpaces, SPACE_FIELDS } from '../services/catalog/import-spaces'
import { listSpaces } from '../services/catalog/spaces'
import type { Admin, Work } from './command'
import { table } from './console'
import { everyPage } from './pages'

type Format = 'csv' | 'json'

export function addSpaceCommands({ program, on }: Admin): void {
  const spaces = program.command('spaces').description('what can be booked')
  const format = () => new Option('--format <format>', 'without it, by the name of the file').choices(FORMATS)
  spaces
    .command('list')
    .description('every space that is in use')
    .action(on(showSpaces))
    .addHelpText('after', '\nExample:\n  bun run admin spaces list --json\n')
  spaces
    .command('export')
    .description('write every space to a file, or to the screen')
    .addArgument(new Argument('[file]', 'ending in .csv or .json'))
    .addOption(format())
    .action(on(exportSpaces))
    .addHelpText('after', '\nExample:\n  bun run admin spaces export spaces.csv\n')
  spaces
    .command('import')
    .description('make the spaces of a file, or change those that are there; all of them or none')
    .addArgument(new Argument('<file>', 'ending in .csv or .json, or - for what comes in'))
    .addOption(format())
    .action(on(readSpaces))
    .addHelpText('after', IMPORT_HELP)
}

const FORMATS: Format[] = ['csv', 'json']

const IMPORT_HELP = `
A space is known by its id, else by its location and name. Needed are name, kind, and locationId or location (a name).
Other fields: ${SPACE_FIELDS.filter((field) => !['id', 'locationId', 'name', 'kind'].includes(field)).join(', ')}.
In CSV hours and cancellation are JSON, and empty hours are those of the location.

Example:
  bun run admin spaces import spaces.csv
`

const allSpaces = ({ ctx }: Work) => everyPage((page) => listSpaces(ctx, page))

async function showSpaces(work: Work): Promise<void> {
  work.console.show(await allSpaces(work), spaceTable)
}

const spaceTable = (spaces: Space[]) =>
  table(
    ['id', 'name', 'kind', 'people', 'units', 'slot', 'price'],
    spaces.map((space) => [
      space.id,
      space.name,
      space.kind,
      space.capacity,
      space.units,
      `${space.slotMinutes} min`,
      `${space.priceMinor} ${space.currency}`,
    ]),
    'There is no space yet.',
  )

async function exportSpaces(
  work: Work,
  file: string | undefined,
  options: { format?: Format },
): Promise<void> {
  const spaces = await allSpaces(work)
  const text = { csv: toCsv, json: toJson }[options.format ?? (file === undefined ? 'csv' : formatOf(file))](
    spaces,
  )
  if (file === undefined) work.console.show(spaces, () => text.trimEnd())
  else {
    await Bun.write(file, text)
    work.console.show({ file, spaces: spaces.length }, () => `${spaces.length} spaces are in ${file}.`)
  }
}

function formatOf(file: string): Format {
  const format = FORMATS.find((known) => path.extname(file).toLowerCase() === `.${known}`)
  if (!format) throw new AppError('VALIDATION', `${file}: is it CSV or JSON? Say so with --format.`)
  return format
}

const fieldsOf = (space: Space) => Object.fromEntries(SPACE_FIELDS.map((field) => [field, space[field]]))
const toJson = (spaces: Space[]) => `${JSON.stringify(spaces.map(fieldsOf), null, 2)}\n`
const toCsv = (spaces: Space[]) =>
  stringify(spaces.map(fieldsOf), {
    header: true,
    columns: SPACE_FIELDS,
    cast: { object: (value) => JSON.stringify(value) },
  })

async function readSpaces(work: Work, file: string, options: { format?: Format }): Promise<void> {
  const format = options.format ?? formatOf(file)
  const text = file === '-' ? await Bun.stdin.text() : await readFile(file)
  const rows = format === 'csv' ? fromCsv(text) : fromJson(text)
  const imported = await importSpaces(work.ctx, rows, (done, of) => work.console.progress('spaces', done, of))
  work.console.show(
    imported,
    ({ created, changed }) => `${created} spaces were made, ${changed} were there and are as the file says.`,
  )
}

async function readFile(file: string): Promise<string> {
  const found = Bun.file(file)
  if (!(await found.exists())) throw new AppError('NOT_FOUND', `There is no file ${file}.`)
  return found.text()
}

function fromJson(text: string): unknown[] {
  try {
    return [JSON.parse(text)].flat()
  } catch (cause) {
    throw new AppError('VALIDATION', 'The file is not JSON.', { cause })
  }
}

/** Cells are text: numbers and JSON are read where the field is one, and an empty cell says nothing of its field. */
function fromCsv(text: string): unknown[] {
  let rows: Record<string, string>[]
  try {
    rows = parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : ''
    throw new AppError('VALIDATION', `The file is not CSV with a line of headings. ${why}`, { cause })
  }
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).flatMap(([field, cell]) =>
        cell === '' ? (field === 'hours' ? [[field, null]] : []) : [[field, readCell(field, cell)]],
      ),
    ),
  )
}

const TEXTS = ['id', 'locationId', 'location', 'name', 'kind', 'currency']

function readCell(field: string, cell: string): unknown {
  if (TEXTS.includes(field)) return cell
  try {
    return JSON.parse(cell)
  } catch {
    // As it stands; the shape of a space says what is wrong with it.
    return cell
  }
}

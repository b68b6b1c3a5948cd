import postgres from 'postgres'

/**
 * Connections of a stand-in's own, whose objects have a schema beside the project's tables, for all servers of an installation.
 * @param lock one number for every server that begins: the schema is made by one of them
 */
export async function openSchema(
  databaseUrl: string,
  { lock, schema, connections }: { lock: number; schema: string; connections: number },
): Promise<postgres.Sql> {
  const sql = postgres(databaseUrl, {
    max: connections,
    onnotice() {},
    fetch_types: false,
    connection: { TimeZone: 'UTC' },
  })
  await sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${lock})`
    await tx.unsafe(schema)
  })
  return sql
}

const PATIENCE_MS = 5000

/** Sends JSON to a webhook. @returns whether it was taken */
export async function deliver(url: string, body: string, headers: Record<string, string>): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    return response.ok
  } catch {
    return false
  }
}

import postgres from 'postgres'

/**
 * Opens a sandbox's own connections and creates its schema in the database, which all servers share.
 * @param lock key of the advisory lock under which one server creates the schema
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

const TIMEOUT_MS = 5000

/** Posts JSON to a webhook. @returns whether the response was 2xx */
export async function deliver(url: string, body: string, headers: Record<string, string>): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return response.ok
  } catch {
    return false
  }
}

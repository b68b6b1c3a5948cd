export type Written = {
  title: string
  name?: string
  refused?: string
  method: string
  url: string
  rest: string
}
export type Sent = Written & { status: number; answer: Record<string, unknown> }

/** Parses the variables and requests of a file in the syntax of REST Client. */
export function readHttpFile(text: string): { variables: [string, string][]; requests: Written[] } {
  const [top = '', ...sections] = text.split(/^###/m)
  const variables = [...top.matchAll(/^@(\w+) = (.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value] as [string, string],
  )
  const requests = sections.map((section) => {
    const [title = '', ...lines] = section.split('\n')
    const notes = lines.filter((line) => line.startsWith('#')).join('\n')
    const [first = '', ...rest] = lines.filter((line) => !line.startsWith('#'))
    const [method = '', url = ''] = first.split(' ')
    return {
      title: title.trim(),
      name: /^# @name (\w+)$/m.exec(notes)?.[1],
      refused: /^# refused: (\w+)$/m.exec(notes)?.[1],
      method,
      url,
      rest: rest.join('\n'),
    }
  })
  return { variables, requests }
}

/** Sends the requests of a file in order. `own` overrides its variables. */
export async function sendHttpFile(text: string, own: Record<string, string>): Promise<Sent[]> {
  const { variables, requests } = readHttpFile(text)
  const known = new Map<string, string>()
  const answers = new Map<string, Record<string, unknown>>()
  const filled = (written: string): string =>
    written.replace(/\{\{([^}]+)\}\}/g, (_, name: string) => {
      const [, days] = /^\$datetime 'YYYY-MM-DD' (\d+) d$/.exec(name) ?? []
      if (days) return new Date(Date.now() + Number(days) * 86_400_000).toISOString().slice(0, 10)
      const [, answer = '', field = ''] = /^(\w+)\.response\.body\.(\w+)$/.exec(name) ?? []
      const value = known.get(name) ?? answers.get(answer)?.[field]
      if (value === undefined) throw new Error(`unknown variable {{${name}}}`)
      return String(value)
    })
  for (const [name, value] of variables) known.set(name, own[name] ?? filled(value))

  const sent: Sent[] = []
  for (const request of requests) {
    const [head = '', ...body] = filled(request.rest).split('\n\n')
    const headers = head
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(': ') as [string, string])
    const content = body.join('\n\n').trim()
    const response = await fetch(filled(request.url), {
      method: request.method,
      headers,
      ...(content && { body: content }),
    })
    const answer = (await response.json()) as Record<string, unknown>
    if (request.name) answers.set(request.name, answer)
    sent.push({ ...request, status: response.status, answer })
  }
  return sent
}

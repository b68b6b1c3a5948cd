import { afterAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createDatabase } from './support/database'
import { freePort } from './support/port'
import { spawnServer, stopProcesses, whenUp } from './support/process'
import { hasRedis, startRedis, whyNoRedis } from './support/redis'
import { openSocket } from './support/socket'
import { until } from './support/world'

const hasCaddy = Bun.which('caddy') !== null
const whyNot = hasCaddy ? whyNoRedis : 'skipped: caddy is not installed (on Debian: apt-get install caddy)'
if (!hasCaddy) process.stderr.write(`balancer test ${whyNot}\n`)

afterAll(stopProcesses)

/** Starts Caddy with the deployed configuration; only the ports differ. */
async function startBalancer(ports: number[], folder: string) {
  const port = freePort()
  const written = await Bun.file(path.join(import.meta.dir, '../deploy/Caddyfile')).text()
  const file = path.join(folder, 'Caddyfile')
  const upstreams = ports.map((server) => `127.0.0.1:${server}`).join(' ')
  const configuration = written.replace(':8080', `:${port}`).replace('server-1:3000 server-2:3000', upstreams)
  expect(configuration).toContain(upstreams)
  await Bun.write(file, configuration)
  const process = Bun.spawn(['caddy', 'run', '--config', file, '--adapter', 'caddyfile'], {
    env: { PATH: globalThis.process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  return { url: `http://127.0.0.1:${port}`, process }
}

test.skipIf(!hasCaddy || !hasRedis)(
  `a rolling restart behind the balancer drops no request and closes each socket ${whyNot}`,
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-balancer-'))
    const redis = await startRedis()
    const env = {
      DATABASE_URL: await createDatabase(),
      REDIS_URL: redis.url,
      SEED: 'none',
      RATE_LIMITS: 'off',
    }
    const start = async (port: number) => {
      const server = spawnServer({ ...env, LOG_LEVEL: 'warn', TRUST_PROXY: 'loopback', PORT: String(port) })
      await whenUp(server, `http://127.0.0.1:${port}`)
      return server
    }
    const ports = [freePort(), freePort()]
    const servers = await Promise.all(ports.map(start))
    const balancer = await startBalancer(ports, folder)
    try {
      await until(async () => (await fetch(`${balancer.url}/api/spaces`).catch(() => undefined))?.ok)
      expect((await fetch(`${balancer.url}/metrics`)).status).toBe(404)

      let loading = true
      let requests = 0
      const failed: string[] = []
      const load = Array.from({ length: 8 }, async () => {
        while (loading) {
          requests += 1
          const answer = await fetch(`${balancer.url}/api/spaces`).catch((error) => String(error))
          if (typeof answer === 'string') failed.push(answer)
          else if ((await answer.text()) === '' || answer.status !== 200) failed.push(String(answer.status))
        }
      })
      const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket(balancer)))
      for (const [index, port] of ports.entries()) {
        servers[index]?.kill('SIGTERM')
        expect(await servers[index]?.exited).toBe(0)
        servers[index] = await start(port)
        // Caddy routes to the server again after a successful health check.
        await Bun.sleep(2500)
      }
      loading = false
      await Promise.all(load)
      expect(failed).toEqual([])
      expect(requests).toBeGreaterThan(50)
      for (const socket of sockets) expect(await socket.next('server_closing')).toBeTruthy()
    } finally {
      balancer.process.kill()
      await balancer.process.exited
      await Promise.all(
        servers.map(async (server) => {
          server.kill('SIGTERM')
          await server.exited
        }),
      )
      await redis.stop()
      await rm(folder, { recursive: true, force: true })
    }
  },
  120_000,
)

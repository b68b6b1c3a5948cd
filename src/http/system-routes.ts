import { version } from '../../package.json'
import type { Deps } from '../context'
import { pingDatabase } from '../services/shared/health'
import { jsonAnswer } from './answers'
import type { Route } from './pipeline'

const startedAt = Date.now()

/** Health checks and metrics. */
export function systemRoutes(deps: Deps): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/health',
      handle: () =>
        jsonAnswer({ status: 'ok', version, uptimeSeconds: Math.round((Date.now() - startedAt) / 1000) }),
    },
    {
      method: 'GET',
      path: '/api/health/db',
      handle: async () => healthAnswer(await pingDatabase(deps)),
    },
    {
      method: 'GET',
      path: '/api/health/redis',
      handle: async () =>
        deps.redis ? healthAnswer(await deps.redis.check()) : jsonAnswer({ status: 'disabled' }),
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: async () => ({
        status: 200,
        body: await deps.metrics.readAll(),
        headers: { 'content-type': deps.metrics.registry.contentType },
      }),
    },
  ]
}

const healthAnswer = ({ ok, latencyMs }: { ok: boolean; latencyMs: number | null }) =>
  jsonAnswer({ status: ok ? 'ok' : 'unavailable', latencyMs }, ok ? 200 : 503)

import { initTRPC, TRPCError } from '@trpc/server'
import { middlewareMarker } from '@trpc/server/unstable-core-do-not-import'
import type { OpenApiMeta } from 'trpc-to-openapi'
import { z } from 'zod'
import type { Role } from './actor'
import type { Context } from './context'
import { isUnavailable } from './db/errors'
import { AppError, type Issue, type Refusal, type RefusalShape, refusalOf } from './errors'
import type { Limits } from './limits'
import { currentRequestId } from './requests'
import { answerOnce } from './services/idempotency'
import { readRole } from './services/users'

/** The one translation from whatever was thrown to what the outside may know. A bug says nothing of itself. */
export function refusalOfThrown(error: unknown): Refusal {
  if (error instanceof AppError) return refusalOf(error)
  if (error instanceof z.ZodError) return refusalOf(invalid(error))
  if (isUnavailable(error))
    return refusalOf(new AppError('UNAVAILABLE', 'The database cannot be reached. Please try again.'))
  if (isTrpcError(error)) return refusalOfCall(error)
  return refusalOf(error)
}

/** By name: the adapter may load a second copy of the library, with a class of its own. */
const isTrpcError = (error: unknown): error is TRPCError =>
  error instanceof Error && error.name === 'TRPCError'

/** What tRPC's own refusals (no such procedure, an input that is not JSON or not of the shape) are in our terms. */
function refusalOfCall({ code, cause }: TRPCError): Refusal {
  if (cause && (cause instanceof AppError || cause instanceof z.ZodError || isUnavailable(cause)))
    return refusalOfThrown(cause)
  if (code === 'INTERNAL_SERVER_ERROR') return refusalOf(cause)
  if (code === 'NOT_FOUND') return refusalOf(new AppError('NOT_FOUND', 'There is no such procedure.'))
  return refusalOf(new AppError('VALIDATION', 'The request could not be read.'))
}

function invalid(error: z.ZodError): AppError {
  const issues: Issue[] = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const first = issues[0]
  const what = first ? `: ${first.path ? `${first.path}: ` : ''}${first.message}` : '.'
  return new AppError('VALIDATION', `The input is not valid${what}`, { issues })
}

const t = initTRPC
  .context<Context>()
  .meta<OpenApiMeta>()
  .create({
    isDev: false,
    // A proxy ends a connection on which nothing travels, and a client cannot tell silence from a cut otherwise.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
    errorFormatter({ shape, error, ctx }): RefusalShape {
      const { message, code, status, reason, issues } = refusalOfThrown(error)
      const requestId = ctx?.requestId ?? currentRequestId() ?? null
      return {
        message,
        code: shape.code,
        data: { code, httpStatus: status, reason, requestId, ...(issues && { issues }) },
      }
    },
  })

export const { router, createCallerFactory, mergeRouters } = t

/**
 * One middleware counts a call against its caller, maps refusals and counts how calls end, so no procedure has a try/catch;
 * one, because each costs several microseconds. `next` does not throw: it answers `ok: false`.
 */
export const publicProcedure = t.procedure.use(async function mapRefusals({ ctx, path, type, next }) {
  const started = performance.now()
  const refused = ctx.env.RATE_LIMITS === 'on' ? await overLimit(ctx, type) : undefined
  const result = refused ? undefined : await next()
  const error = refused ?? (result?.ok === false ? result.error : undefined)
  ctx.metrics.countCall(
    path,
    error ? refusalOfThrown(error).reason : 'OK',
    (performance.now() - started) / 1000,
  )
  const refusal = error instanceof AppError ? error : error?.cause
  if (refusal instanceof AppError)
    throw new TRPCError({ code: refusal.code, message: refusal.message, cause: refusal })
  if (!result) throw error
  return result
})

/** Why this call is one too many; undefined where it is not. */
const overLimit = ({ limits, actor, caller }: Context, type: Parameters<Limits['countCall']>[2]) =>
  limits.countCall(actor, caller, type).then(
    () => undefined,
    (error: Error) => error,
  )

/**
 * A mutation that came with an Idempotency-Key runs once. It stands behind the roles, so that an answer is given again only
 * to whom it would be given now; what is of accounts hands out tokens, which are not kept.
 */
const onlyOnce = t.middleware(async ({ ctx, type, path, getRawInput, next }) => {
  const { actor, idempotencyKey: key } = ctx
  const answersSecrets = path.startsWith('auth.') || path === 'payments.createIntent'
  if (key === undefined || actor.kind !== 'person' || type !== 'mutation' || answersSecrets) return next()
  const call = { key, procedure: path, input: await getRawInput() }
  const data = await answerOnce({ ...ctx, actor }, call, async () => {
    const result = await next()
    if (!result.ok) throw result.error
    return result.data
  })
  return { ok: true, data, marker: middlewareMarker }
})

/**
 * For an input whose every field counts, those that nobody knows too: a field of this name would be lost before it is looked
 * at. @throws VALIDATION
 */
export const wholeInput = t.middleware(async ({ getRawInput, next }) => {
  if (Object.hasOwn(Object(await getRawInput()), '__proto__'))
    throw new AppError('VALIDATION', 'The input is not valid: __proto__ is no field.')
  return next()
})

/**
 * Somebody with a token, whoever they are by now: for what asks the database about the person itself, as a claim does,
 * and would lose a round trip by asking twice. It gives nobody more than a customer's rights.
 * @throws NOT_SIGNED_IN
 */
export const claimingProcedure = publicProcedure
  .use(async function requireToken({ ctx, next }) {
    if (ctx.actor.kind !== 'person') throw new AppError('NOT_SIGNED_IN', 'Please sign in first.')
    return next({ ctx: { ...ctx, actor: { ...ctx.actor, role: 'customer' as const } } })
  })
  .use(onlyOnce)

/** A person who is still there, in the role that the database says now. */
const personProcedure = publicProcedure.use(async function requirePerson({ ctx, next }) {
  if (ctx.actor.kind !== 'person') throw new AppError('NOT_SIGNED_IN', 'Please sign in first.')
  const role = await readRole(ctx.db, ctx.actor.id)
  return next({ ctx: { ...ctx, actor: { ...ctx.actor, role } } })
})

/** @throws NOT_SIGNED_IN */
export const signedInProcedure = personProcedure.use(onlyOnce)
/** @throws NOT_SIGNED_IN, NOT_ALLOWED */
export const specialistProcedure = personProcedure.use(requireRole('specialist', 'admin')).use(onlyOnce)
/** @throws NOT_SIGNED_IN, NOT_ALLOWED */
export const adminProcedure = personProcedure.use(requireRole('admin')).use(onlyOnce)

function requireRole(...roles: Role[]) {
  return t.middleware(({ ctx, next }) => {
    if (ctx.actor.kind !== 'person' || !roles.includes(ctx.actor.role)) {
      throw new AppError('NOT_ALLOWED', `Only ${roles.map((role) => `${role}s`).join(' and ')} may do this.`)
    }
    return next()
  })
}

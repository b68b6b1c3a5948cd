import { initTRPC, TRPCError } from '@trpc/server'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import { middlewareMarker } from '@trpc/server/unstable-core-do-not-import'
import type { OpenApiMeta } from 'trpc-to-openapi'
import { z } from 'zod'
import type { Role, UserActor } from './actor'
import type { Context, SignedInContext } from './context'
import { isUnavailable } from './db/errors'
import { AppError, type Issue, type Refusal, type RefusalSchema, refusalOf } from './errors'
import { currentRequestId } from './lib/request'
import { runOnce } from './services/shared/idempotency'
import { readRole } from './services/users/users'

/** Converts any thrown value to a refusal. A bug becomes INTERNAL, without details. */
export function refusalOfThrown(error: unknown): Refusal {
  if (error instanceof AppError) return refusalOf(error)
  if (error instanceof z.ZodError) return refusalOf(invalid(error))
  if (isTrpcError(error)) return refusalOfCall(error)
  if (isUnavailable(error))
    return refusalOf(new AppError('UNAVAILABLE', 'The database is unavailable. Try again.'))
  return refusalOf(error)
}

/** Checks the name: the adapter can load a second copy of the library with its own class. */
const isTrpcError = (error: unknown): error is TRPCError =>
  error instanceof Error && error.name === 'TRPCError'

/** Converts tRPC's own errors: an unknown procedure, malformed JSON or an invalid input. */
function refusalOfCall({ code, cause }: TRPCError): Refusal {
  if (cause && (cause instanceof AppError || cause instanceof z.ZodError || isUnavailable(cause)))
    return refusalOfThrown(cause)
  if (code === 'INTERNAL_SERVER_ERROR') return refusalOf(cause)
  if (code === 'NOT_FOUND') return refusalOf(new AppError('NOT_FOUND', 'This procedure does not exist.'))
  return refusalOf(new AppError('VALIDATION', 'The request could not be read.'))
}

function invalid(error: z.ZodError): AppError {
  const issues: Issue[] = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const first = issues[0]
  const detail = first ? `: ${first.path ? `${first.path}: ` : ''}${first.message}` : '.'
  return new AppError('VALIDATION', `Invalid input${detail}`, { issues })
}

const t = initTRPC
  .context<Context>()
  .meta<OpenApiMeta>()
  .create({
    isDev: false,
    // Pings stop proxies from closing idle streams, and let clients detect a broken connection.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
    errorFormatter: ({ error, ctx }) => refusalSchema(error, ctx?.requestId ?? currentRequestId() ?? null),
  })

/** Formats an error as tRPC sends it. */
export function refusalSchema(error: unknown, requestId: string | null): RefusalSchema {
  const { message, code, status, reason, issues } = refusalOfThrown(error)
  return {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[code],
    data: { code, httpStatus: status, reason, requestId, ...(issues && { issues }) },
  }
}

export const { router, mergeRouters } = t

/** Returns additions to the context, or throws a refusal. */
type Admit<Narrowed extends object> = (ctx: Context) => Narrowed | Promise<Narrowed>

/**
 * Creates a procedure for callers that `admit` accepts. A single middleware handles rate limits, roles, idempotency, errors
 * and metrics, because each middleware, like each copy of the context, costs several microseconds per call.
 */
function procedureFor<Narrowed extends object>(admit: Admit<Narrowed>) {
  return t.procedure.use(async function answer({ ctx, path, type, getRawInput, next }) {
    const started = performance.now()
    const run = async () => {
      if (ctx.env.RATE_LIMITS === 'on') await ctx.limits.countCall(ctx.actor, ctx.caller, type)
      const narrowed = admit(ctx)
      const added = narrowed instanceof Promise ? await narrowed : narrowed
      const narrow = () => next({ ctx: added })
      const proceed = added === UNCHANGED ? (next as unknown as typeof narrow) : narrow
      const key = type === 'mutation' && !returnsSecrets(path) ? ctx.idempotencyKey : undefined
      if (key === undefined) return proceed()
      const { actor } = { ...ctx, ...added }
      if (actor.kind !== 'user') return proceed()
      const call = { key, procedure: path, input: await getRawInput() }
      return runIdempotently({ ...ctx, actor }, call, proceed)
    }
    // `next` returns `ok: false` instead of throwing, but the steps before it can throw.
    const result = await run().catch((error: Error) => ({ ok: false as const, error, thrown: true }))
    const { error } = result.ok ? { error: undefined } : result
    ctx.metrics.countCall(
      path,
      error ? refusalOfThrown(error).reason : 'OK',
      (performance.now() - started) / 1000,
    )
    const refusal = error instanceof AppError ? error : error?.cause
    if (refusal instanceof AppError && !(error instanceof TRPCError && error.code === refusal.code))
      throw refusalError(refusal)
    if ('thrown' in result) throw result.error
    return result
  })
}

/** Wraps a refusal in a tRPC error with the same code. */
export const refusalError = (refusal: AppError): TRPCError =>
  new TRPCError({ code: refusal.code, message: refusal.message, cause: refusal })

/** Marks a context without additions, which is not copied. */
const UNCHANGED = {}

/** Procedures that return tokens or secrets. Their responses must not be stored, so an Idempotency-Key is ignored. */
export const returnsSecrets = (path: string): boolean => path.startsWith('auth.') || SECRETS.includes(path)
const SECRETS = ['payments.createIntent', 'calendar.renew', 'checkIns.renewDoorScreen']

type Call = Parameters<typeof runOnce>[1]
type Result = { ok: boolean; marker: typeof middlewareMarker }

/** Runs a mutation once per Idempotency-Key. Comes after the role check, so a replay needs the role as well. */
async function runIdempotently<R extends Result>(
  ctx: SignedInContext,
  call: Call,
  proceed: () => Promise<R>,
): Promise<R> {
  const data = await runOnce(ctx, call, async () => {
    const result: Result & { data?: unknown; error?: unknown } = await proceed()
    if (!result.ok) throw result.error
    return result.data
  })
  // The other properties of a middleware result exist only in the types.
  return { ok: true, data, marker: middlewareMarker } as unknown as R
}

/**
 * For inputs with signed unknown fields. Refuses `__proto__`, which parsing would drop before the signature is checked.
 * @throws VALIDATION
 */
export const wholeInput = t.middleware(async ({ getRawInput, next }) => {
  if (Object.hasOwn(Object(await getRawInput()), '__proto__'))
    throw new AppError('VALIDATION', 'Invalid input: __proto__ is not allowed.')
  return next()
})

export const publicProcedure = procedureFor(() => UNCHANGED)

/**
 * For signed-in callers of procedures that check the user in their own query, as a claim does. Saves the round trip for the
 * role; the caller gets only the rights of a customer.
 * @throws NOT_SIGNED_IN
 */
export const claimingProcedure = procedureFor((ctx) => ({
  actor: { ...userOf(ctx), role: 'customer' as const },
}))

/** @throws NOT_SIGNED_IN */
export const signedInProcedure = procedureFor(currentUser)
/** @throws NOT_SIGNED_IN, NOT_ALLOWED */
export const specialistProcedure = procedureFor(only('specialist', 'admin'))
/** @throws NOT_SIGNED_IN, NOT_ALLOWED */
export const adminProcedure = procedureFor(only('admin'))

function userOf({ actor }: Context): UserActor {
  if (actor.kind !== 'user') throw new AppError('NOT_SIGNED_IN', 'Sign in first.')
  return actor
}

/** The caller with the current role, which can differ from the one in the token. */
async function currentUser(ctx: Context): Promise<{ actor: UserActor }> {
  const user = userOf(ctx)
  return { actor: { ...user, role: await readRole(ctx.db, user.id) } }
}

function only(...roles: Role[]) {
  return async (ctx: Context) => {
    const { actor } = await currentUser(ctx)
    if (!roles.includes(actor.role))
      throw new AppError('NOT_ALLOWED', `Only ${roles.map((role) => `${role}s`).join(' and ')} can do this.`)
    return { actor }
  }
}

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

/** The one translation from whatever was thrown to what the outside may know. A bug says nothing of itself. */
export function refusalOfThrown(error: unknown): Refusal {
  if (error instanceof AppError) return refusalOf(error)
  if (error instanceof z.ZodError) return refusalOf(invalid(error))
  if (isTrpcError(error)) return refusalOfCall(error)
  if (isUnavailable(error))
    return refusalOf(new AppError('UNAVAILABLE', 'The database does not answer. Please try again.'))
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
    errorFormatter: ({ error, ctx }) => refusalSchema(error, ctx?.requestId ?? currentRequestId() ?? null),
  })

/** A refusal as tRPC tells it. */
export function refusalSchema(error: unknown, requestId: string | null): RefusalSchema {
  const { message, code, status, reason, issues } = refusalOfThrown(error)
  return {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[code],
    data: { code, httpStatus: status, reason, requestId, ...(issues && { issues }) },
  }
}

export const { router, mergeRouters } = t

/** Who a procedure is for: what its context is narrowed to, or a refusal. */
type Admit<Narrowed extends object> = (ctx: Context) => Narrowed | Promise<Narrowed>

/**
 * A procedure for those whom `admit` lets in. One middleware counts a call against its caller, admits, answers a repeated call
 * as the first, maps refusals and counts how calls end, so no procedure has a try/catch; one, because each costs several
 * microseconds, and only what is new is added to the context, because copying it costs as much.
 */
function procedureFor<Narrowed extends object>(admit: Admit<Narrowed>) {
  return t.procedure.use(async function answer({ ctx, path, type, getRawInput, next }) {
    const started = performance.now()
    const run = async () => {
      if (ctx.env.RATE_LIMITS === 'on') await ctx.limits.countCall(ctx.actor, ctx.caller, type)
      const narrowed = admit(ctx)
      const added = narrowed instanceof Promise ? await narrowed : narrowed
      const narrow = () => next({ ctx: added })
      // Copying a context that stays as it is would cost as much as everything else here.
      const proceed = added === UNCHANGED ? (next as unknown as typeof narrow) : narrow
      const key = type === 'mutation' && !answersSecrets(path) ? ctx.idempotencyKey : undefined
      if (key === undefined) return proceed()
      const { actor } = { ...ctx, ...added }
      if (actor.kind !== 'user') return proceed()
      const call = { key, procedure: path, input: await getRawInput() }
      return answerRepeated({ ...ctx, actor }, call, proceed)
    }
    // `next` does not throw, it answers `ok: false`; what comes before it does.
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

/** A refusal as an error of tRPC's, whose code is that of the refusal. */
export const refusalError = (refusal: AppError): TRPCError =>
  new TRPCError({ code: refusal.code, message: refusal.message, cause: refusal })

/** For whom the context stays as it is. */
const UNCHANGED = {}

/**
 * What is of accounts hands out tokens, an intent its secret, a calendar and a screen an address of which only a hash is
 * stored: such answers are not kept.
 */
export const answersSecrets = (path: string): boolean => path.startsWith('auth.') || SECRETS.includes(path)
const SECRETS = ['payments.createIntent', 'calendar.renew', 'checkIns.renewDoorScreen']

type Call = Parameters<typeof runOnce>[1]
type Result = { ok: boolean; marker: typeof middlewareMarker }

/**
 * A mutation that came with an Idempotency-Key runs once. It stands behind the roles, so that an answer is given again only
 * to whom it would be given now.
 */
async function answerRepeated<R extends Result>(
  ctx: SignedInContext,
  call: Call,
  proceed: () => Promise<R>,
): Promise<R> {
  const data = await runOnce(ctx, call, async () => {
    const result: Result & { data?: unknown; error?: unknown } = await proceed()
    if (!result.ok) throw result.error
    return result.data
  })
  // What a middleware gives back beside its data is for the compiler alone.
  return { ok: true, data, marker: middlewareMarker } as unknown as R
}

/**
 * For an input whose every field counts, those that nobody knows too: a field of this name would be lost before it is looked
 * at. @throws VALIDATION
 */
export const wholeInput = t.middleware(async ({ getRawInput, next }) => {
  if (Object.hasOwn(Object(await getRawInput()), '__proto__'))
    throw new AppError('VALIDATION', 'The input is not valid: __proto__ is no field.')
  return next()
})

/** Anybody. */
export const publicProcedure = procedureFor(() => UNCHANGED)

/**
 * Somebody with a token, whoever they are by now: for what asks the database about the person itself, as a claim does,
 * and would lose a round trip by asking twice. It gives nobody more than a customer's rights.
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
  if (actor.kind !== 'user') throw new AppError('NOT_SIGNED_IN', 'Please sign in first.')
  return actor
}

/** A person who is still there, in the role that the database says now. */
async function currentUser(ctx: Context): Promise<{ actor: UserActor }> {
  const person = userOf(ctx)
  return { actor: { ...person, role: await readRole(ctx.db, person.id) } }
}

function only(...roles: Role[]) {
  return async (ctx: Context) => {
    const { actor } = await currentUser(ctx)
    if (!roles.includes(actor.role))
      throw new AppError('NOT_ALLOWED', `Only ${roles.map((role) => `${role}s`).join(' and ')} may do this.`)
    return { actor }
  }
}

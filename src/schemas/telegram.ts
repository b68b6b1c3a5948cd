import { z } from 'zod'
import { InstantOut } from './common'

/** Telegram signs all fields, so unknown ones must be preserved. */
const SignedField = z.union([z.string().max(4096), z.number()])

/** Proof of a Telegram account: all fields of the login widget, unchanged, or `initData` of a Mini App. */
export const TelegramProofSchema = z
  .object({
    initData: z
      .string()
      .min(1)
      .max(16_384)
      .meta({ description: '`Telegram.WebApp.initData` of a Mini App, unchanged.' })
      .optional(),
    id: z.union([z.int().positive(), z.string().max(20)]).optional(),
    first_name: z.string().max(256).optional(),
    last_name: z.string().max(256).optional(),
    username: z.string().max(64).optional(),
    photo_url: z.string().max(2048).optional(),
    auth_date: z.union([z.int().positive(), z.string().max(20)]).optional(),
    hash: z.string().max(128).optional(),
  })
  // Optional only for the type: an index signature must cover the named fields.
  .catchall(SignedField.optional())
  .refine(
    ({ initData, hash }) => initData !== undefined || hash !== undefined,
    'must contain the login widget fields or initData',
  )
export type TelegramProof = z.infer<typeof TelegramProofSchema>

export const TelegramAccountSchema = z
  .object({
    name: z.string(),
    username: z.string().nullable(),
    reachable: z.boolean().meta({ description: 'Whether the bot can send messages to the user.' }),
    linkedAt: InstantOut,
  })
  .meta({ id: 'TelegramAccount' })
export type TelegramAccount = z.infer<typeof TelegramAccountSchema>

export const TelegramCodeSchema = z
  .object({
    code: z.string(),
    url: z.string().meta({
      description: 'Link that opens the bot with the code.',
      example: 'https://t.me/coworkspace_bot?start=…',
    }),
    expiresAt: InstantOut,
  })
  .meta({ id: 'TelegramCode' })
export type TelegramCode = z.infer<typeof TelegramCodeSchema>

const SenderSchema = z.object({
  id: z.int().positive(),
  is_bot: z.boolean().default(false),
  first_name: z.string().max(256).default(''),
  last_name: z.string().max(256).optional(),
  username: z.string().max(64).optional(),
  language_code: z.string().max(35).optional(),
})
const PrivateChatSchema = z.object({ id: z.int().positive(), type: z.literal('private') })

/** The updates that the bot handles, reduced to the fields it reads. Other updates are ignored. */
export const TelegramUpdateSchema = z.union([
  z.object({
    update_id: z.int().nonnegative(),
    message: z.object({
      message_id: z.int(),
      from: SenderSchema,
      chat: PrivateChatSchema,
      text: z.string().max(4096),
    }),
  }),
  z.object({
    update_id: z.int().nonnegative(),
    callback_query: z.object({
      id: z.string().max(64),
      from: SenderSchema,
      data: z.string().max(64),
      message: z.object({ message_id: z.int(), chat: PrivateChatSchema }),
    }),
  }),
  z.object({
    update_id: z.int().nonnegative(),
    my_chat_member: z.object({
      from: SenderSchema,
      chat: PrivateChatSchema,
      new_chat_member: z.object({ status: z.string().max(32) }),
    }),
  }),
])
export type TelegramUpdate = z.infer<typeof TelegramUpdateSchema>
export type TelegramSender = z.infer<typeof SenderSchema>
/** Reads the id of an update that is otherwise invalid. */
export const TelegramUpdateIdSchema = z.object({ update_id: z.int().nonnegative() })

import { z } from 'zod'
import { InstantOut } from './common'

/** Fields of Telegram's that nobody here knows are as much under its signature as those that are named. */
const SignedField = z.union([z.string().max(4096), z.number()])

/**
 * What proves to be somebody at Telegram: the fields that the login widget gave, all of them and nothing else, or the
 * `initData` of a Mini App as it came.
 */
export const TelegramProofSchema = z
  .object({
    initData: z
      .string()
      .min(1)
      .max(16_384)
      .optional()
      .meta({ description: 'Of a Mini App: `Telegram.WebApp.initData`, as it is.' }),
    id: z.union([z.int().positive(), z.string().max(20)]).optional(),
    first_name: z.string().max(256).optional(),
    last_name: z.string().max(256).optional(),
    username: z.string().max(64).optional(),
    photo_url: z.string().max(2048).optional(),
    auth_date: z.union([z.int().positive(), z.string().max(20)]).optional(),
    hash: z.string().max(128).optional(),
  })
  // Optional for the type alone: what has no value is no field, and an index of a type must cover its named fields.
  .catchall(SignedField.optional())
  .refine(
    ({ initData, hash }) => initData !== undefined || hash !== undefined,
    'must be what the login widget gave, or initData',
  )
export type TelegramProof = z.infer<typeof TelegramProofSchema>

export const TelegramAccountSchema = z
  .object({
    name: z.string(),
    username: z.string().nullable(),
    reachable: z.boolean().meta({ description: 'Whether the bot may write to this person.' }),
    linkedAt: InstantOut,
  })
  .meta({ id: 'TelegramAccount' })
export type TelegramAccount = z.infer<typeof TelegramAccountSchema>

export const TelegramCodeSchema = z
  .object({
    code: z.string(),
    url: z.string().meta({
      description: 'Opens the bot with the code in it.',
      example: 'https://t.me/coworkspace_bot?start=…',
    }),
    expiresAt: InstantOut,
  })
  .meta({ id: 'TelegramCode' })
export type TelegramCode = z.infer<typeof TelegramCodeSchema>

/** Who writes to the bot, as far as it matters here. */
const SenderSchema = z.object({
  id: z.int().positive(),
  is_bot: z.boolean().default(false),
  first_name: z.string().max(256).default(''),
  last_name: z.string().max(256).optional(),
  username: z.string().max(64).optional(),
  language_code: z.string().max(35).optional(),
})
const PrivateChatSchema = z.object({ id: z.int().positive(), type: z.literal('private') })

/** The updates that the bot acts on, and of these only what it reads. Anything else of Telegram's is passed over. */
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
/** What says which update this is, whatever else is wrong with it. */
export const TelegramUpdateIdSchema = z.object({ update_id: z.int().nonnegative() })

/**
 * Whose times: a space's or a specialist's. Boards, claims and messages all say it in this form; ids are unique across the
 * two.
 */
export type CalendarKey =
  | { spaceId: string; specialistId?: undefined }
  | { specialistId: string; spaceId?: undefined }
export const calendarId = ({ spaceId, specialistId }: CalendarKey): string => spaceId ?? specialistId
/** Nothing but the key, of something that has one. */
export const calendarKey = ({ spaceId, specialistId }: CalendarKey): CalendarKey =>
  spaceId === undefined ? { specialistId } : { spaceId }

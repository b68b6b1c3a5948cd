/** Names the calendar of a space or a specialist. Their ids are unique across both tables. */
export type CalendarKey =
  | { spaceId: string; specialistId?: undefined }
  | { specialistId: string; spaceId?: undefined }
export const calendarId = ({ spaceId, specialistId }: CalendarKey): string => spaceId ?? specialistId
/** Picks the key from a larger object. */
export const calendarKey = ({ spaceId, specialistId }: CalendarKey): CalendarKey =>
  spaceId === undefined ? { specialistId } : { spaceId }

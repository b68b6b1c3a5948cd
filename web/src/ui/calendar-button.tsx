import type { Dated } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { client } from '../api'
import { useText } from '../i18n'
import { useSettled } from './changes'
import { Button } from './controls'
import { saveAs } from './save-as'

type CalendarButtonProps = {
  of: Dated
  /** Appended for screen readers. */
  name: string
}

export function CalendarButton({ of, name }: CalendarButtonProps) {
  const { t } = useText()
  const file = useMutation({
    mutationFn: () => client.calendarFile(of),
    ...useSettled(),
    onSuccess: (text) => saveAs('bookingId' in of ? 'booking.ics' : 'event.ics', 'text/calendar', text),
  })
  return (
    <Button look="quiet" of={name} disabled={file.isPending} onClick={() => file.mutate()}>
      {t.board.calendarFile}
    </Button>
  )
}

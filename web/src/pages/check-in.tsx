import { reasonOf } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useLocation } from 'wouter'
import { trpc } from '../api'
import { useText } from '../i18n'
import { PATHS } from '../paths'
import { makeOld } from '../ui/changes'
import { Empty, Failed, Loading, Only } from '../ui/states'
import { useTitle } from '../ui/title'
import { say } from '../ui/toasts'

/** Target of the QR code at the door: opening it checks the user in. The code is in the hash. */
export default function CheckInPage() {
  const { t } = useText()
  useTitle(t.community.atDoor)
  return (
    <>
      <h1>{t.community.atDoor}</h1>
      <Only>
        <CheckIn code={location.hash.slice(1)} />
      </Only>
    </>
  )
}

function CheckIn({ code }: { code: string }) {
  const { t } = useText()
  const [, navigate] = useLocation()
  const { mutate, error } = useMutation(
    trpc.checkIns.checkIn.mutationOptions({
      onSuccess({ locationId }) {
        makeOld(trpc.checkIns.pathFilter())
        say(t.community.checkedIn)
        navigate(`${PATHS.community}?location=${locationId}`, { replace: true })
      },
    }),
  )
  useEffect(() => {
    if (code !== '') mutate({ code })
  }, [code, mutate])
  if (code === '' || reasonOf(error) === 'VALIDATION')
    return <Empty title={t.community.oldCode} text={t.community.scanAgain} />
  return error ? <Failed error={error} retry={() => mutate({ code })} /> : <Loading />
}

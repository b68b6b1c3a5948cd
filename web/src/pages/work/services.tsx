import { useText } from '../../i18n'
import { Services } from '../../specialists/services'
import { WorkPage } from './shell'

export default function WorkServicesPage() {
  const { t } = useText()
  return (
    <WorkPage title={t.work.services}>
      {(me) => (
        <section className="card">
          <Services specialist={me} />
        </section>
      )}
    </WorkPage>
  )
}

import { useText } from '../../i18n'
import { ProfileForm } from '../../specialists/profile-form'
import { AtLocation } from '../../ui/at-location'

export function NewProfile() {
  const { t } = useText()
  return (
    <section className="card">
      <h2>{t.work.noProfile}</h2>
      <p className="soft">{t.work.noProfileText}</p>
      <AtLocation>
        {(location) => (
          <ProfileForm key={location.id} location={location} specialist={undefined} onDone={() => {}} />
        )}
      </AtLocation>
    </section>
  )
}

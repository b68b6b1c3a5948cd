// Shows the document that the page names in Swagger UI, both from this server.
const script = document.currentScript
const { url } = document.getElementById('api-reference').dataset
const beside = (file) => new URL(file, script.src).href

const style = document.createElement('link')
style.rel = 'stylesheet'
style.href = beside('swagger-ui.css')
const icon = document.createElement('link')
icon.rel = 'icon'
icon.href = 'data:,'
const place = document.createElement('main')
place.id = 'swagger-ui'
const bundle = document.createElement('script')
bundle.src = beside('swagger-ui-bundle.js')
bundle.onload = () => {
  window.ui = window.SwaggerUIBundle({
    url,
    domNode: place,
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    // Without it the page would ask a validator on another host.
    validatorUrl: null,
  })
}
document.documentElement.lang = 'en'
document.head.append(style, icon)
document.body.append(place, bundle)

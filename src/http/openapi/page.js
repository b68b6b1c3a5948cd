// Loads Swagger UI and the document named by the page, both from this server.
const script = document.currentScript
const { url } = document.getElementById('api-reference').dataset
const assetUrl = (file) => new URL(file, script.src).href

const style = document.createElement('link')
style.rel = 'stylesheet'
style.href = assetUrl('swagger-ui.css')
const icon = document.createElement('link')
icon.rel = 'icon'
icon.href = 'data:,'
const container = document.createElement('main')
container.id = 'swagger-ui'
const bundle = document.createElement('script')
bundle.src = assetUrl('swagger-ui-bundle.js')
bundle.onload = () => {
  window.ui = window.SwaggerUIBundle({
    url,
    domNode: container,
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    // By default, Swagger UI sends the document to a validator on another host.
    validatorUrl: null,
  })
}
document.documentElement.lang = 'en'
document.head.append(style, icon)
document.body.append(container, bundle)

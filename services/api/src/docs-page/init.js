/* global SwaggerUIBundle -- the script before this one */
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  // A badge from a server on the internet, else.
  validatorUrl: null,
});

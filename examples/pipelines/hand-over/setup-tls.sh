#!/bin/sh -e
# Makes the key and the certificate of app.localhost. For people, on their own machine.
cd "$(dirname "$0")"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=app.localhost \
  -keyout server.key -out app.crt

#!/bin/bash
# Clients that health checks call: each asks whether its server listens.
case "$(basename "$0")" in
  redis-cli) port=6379 ;;
  healthcheck.sh) port=3306 ;;
  etcdctl) port=2379 ;;
esac
exec 3<>"/dev/tcp/127.0.0.1/$port" && { [ "$port" != 6379 ] || echo PONG; }

# `./dev run`: both example services in one host. Sourced by ./dev after the build; extra arguments go to `weft run`.
grpc=${WEFT_GRPC_LISTEN:-127.0.0.1:50051}
admin=${WEFT_ADMIN_LISTEN:-127.0.0.1:8080}
cat <<HELP
weft: user-service and order-service, gRPC on $grpc, admin on http://$admin; Ctrl-C ends it. Try, in another terminal:

  ./dev weft call $grpc user.v1.UserService/CreateUser '{"email":"ann@example.com","name":"Ann"}'
  ./dev weft call $grpc order.v1.OrderService/PlaceOrder '{"userId":"<id from above>","item":"book","quantity":1,"amount":1250}'
  grpcurl -plaintext $grpc list
  grpcurl -plaintext -d '{"email":"bob@example.com","name":"Bob"}' $grpc user.v1.UserService/CreateUser
  curl -s http://$admin/readyz

HELP
exec "$BUILD/release/bin/weft" run --service user-service --service order-service "$@"

# Publish: a user is created. Consume: order-service takes that user's order once the event has come.
email="helm-test-$(cat /proc/sys/kernel/random/uuid)@example.com"
user=$(weft call "$USER_SERVICE" user.v1.UserService/CreateUser "{\"email\":\"$email\",\"name\":\"helm test\"}")
id=$(printf '%s' "$user" | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p')
order="{\"userId\":\"$id\",\"item\":\"helm test\",\"quantity\":1,\"amount\":1}"
tries=0
until weft call "$ORDER_SERVICE" order.v1.OrderService/PlaceOrder "$order"; do
    tries=$((tries + 1))
    if [ $tries -ge 60 ]; then echo "order-service does not know user $id after $tries tries" >&2; exit 1; fi
    sleep 1
done
weft call "$USER_SERVICE" user.v1.UserService/DeleteUser "{\"id\":\"$id\"}"
echo "the event went through: user $id was created here and known there after $tries tries"

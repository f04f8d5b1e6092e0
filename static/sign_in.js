// Sends an authorization request on without a press of its button.
document.getElementById("sign-in").submit();
